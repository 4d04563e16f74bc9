"""Users, sessions, sign-in and registration."""
