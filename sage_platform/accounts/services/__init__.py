"""What changes accounts. The same functions serve the API, our pages, the admin and the commands."""
