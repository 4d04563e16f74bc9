"""The headers of each page of ours."""

# A page loads our own style sheet and images alone; no script runs, and no other page may frame it. `form-action` is left out
# on purpose: browsers apply it to the redirects after a form too, and the one after a sign-in may lead to an OAuth2 client.
PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store, private",
}
