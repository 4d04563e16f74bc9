"""What is done with model providers: the same functions serve the routes, the admin and the commands."""
