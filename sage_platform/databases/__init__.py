"""Django's own database backends, each with what this platform adds: whoever waits for the database lends their turn."""
