"""The functions that change accounts, the same for the API, our pages, the admin and the commands."""
