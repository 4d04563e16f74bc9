"""`next` stays on this origin (docs/security.md#other-sites-pages), whatever somebody puts into a link."""

import pytest

from sage_platform.api.next_target import landing, login_address, safe_next

KEPT = [
    "/",
    "/a",
    "/agent/chat",
    "/oauth2/authorize?client_id=x&state=y",
    "/a?b=//c",
    "/a?next=http://x",
    "/a#b",
    "/%2F%2Fx",
    "/a//b",
]
DROPPED = [
    "",
    "//x",
    "///x",
    "////x",
    "/\\x",
    "\\\\x",
    "\\/x",
    "/a\\b",
    "http:x",
    "http://x",
    "https:/x",
    "HTTPS://x",
    "javascript:alert(1)",
    "data:text/html,x",
    "x",
    "x/y",
    "?next=/a",
    "#a",
    "%2F%2Fx",
    "%5Cx",
    " /a",
    "/a b",
    "\t//x",
    "/\t/x",
    "/\n/x",
    "/a\r\nSet-Cookie: b=c",
    "/a\0",
    "/a\x7f",
    "/a\x85",
    "/a\u2028b",
    "/a\u202eb",
    "/a\n",
    "/" + "a" * 4096,
]


@pytest.mark.parametrize("target", KEPT)
def test_a_path_of_this_origin_is_kept(target: str) -> None:
    assert safe_next(target) == target


@pytest.mark.parametrize("target", DROPPED)
def test_anything_else_is_the_root(target: str) -> None:
    assert safe_next(target) == "/"


LANDINGS = [
    ("/agent/chat", "/sage/agent/chat"),
    ("/agent/chat?a=1&b=2#c", "/sage/agent/chat?a=1&b=2#c"),
    ("/", "/sage/"),
    ("/apis", "/sage/apis"),
    ("/administrators", "/sage/administrators"),
    ("/sagecraft", "/sage/sagecraft"),
    ("/api/auth/session", "/api/auth/session"),
    ("/oauth2/authorize?client_id=x", "/oauth2/authorize?client_id=x"),
    ("/jaeger/search?limit=20", "/jaeger/search?limit=20"),
    ("/admin/", "/admin/"),
    ("/files/1/a.png", "/files/1/a.png"),
    ("/sage", "/sage"),
    ("/sage/", "/sage/"),
    ("/sage/login", "/sage/login"),
    ("//x", "/sage/"),
    ("http://x", "/sage/"),
]


@pytest.mark.parametrize(("target", "address"), LANDINGS)
def test_a_page_of_the_web_application_gets_the_base_path(target: str, address: str) -> None:
    assert landing(target) == address


LOGINS = [
    ("/agent/chat", "/sage/login?next=%2Fagent%2Fchat"),
    ("/a?b=1&c=2#d", "/sage/login?next=%2Fa%3Fb%3D1%26c%3D2%23d"),
    ("/%2e%2e", "/sage/login?next=%2F%252e%252e"),
    ("//x", "/sage/login?next=%2F"),
]


@pytest.mark.parametrize(("target", "address"), LOGINS)
def test_the_login_page_gets_the_target_encoded_whole(target: str, address: str) -> None:
    assert login_address(target) == address
