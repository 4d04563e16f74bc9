"""The headers of each page of ours."""

# Nothing but our own style sheet and pictures may load; no script runs, and nobody may frame the page. `form-action` is left out
# on purpose: browsers apply it to the redirects after a form too, and the one after a sign-in may lead to an OAuth2 client.
PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store, private",
}
