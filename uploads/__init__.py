"""Files that people upload. The room is ready; the store itself is set up and watched by health."""
