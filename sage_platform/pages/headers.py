"""The headers of each page of ours."""

from sage_platform.pages.style import STYLE_HASH

# A page carries its style sheet and images itself and loads nothing; no script runs, and no other page may frame it.
# `form-action` is left out on purpose: browsers apply it to the redirects after a form too, and the one after a sign-in may lead
# to an OAuth2 client.
PAGE_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src {STYLE_HASH}; img-src data:; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store, private",
}
