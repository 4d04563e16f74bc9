"""The deployment describing itself: its settings, its info, its health."""
