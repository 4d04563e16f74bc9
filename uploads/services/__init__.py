"""What is done with uploads: the same functions serve the routes, the pages, the admin and the commands."""
