"""What Tauri's updater cannot read, or does not take, of what a release says.

tests/clients/test_updater_facts.py shows by the updater itself that it is so, the test beside this that we publish none of it.
"""

from tests.versions.minisigning import SIGNER, STRANGER, packed, unpacked


def odd_bits(lines: str) -> str:
    """The same bytes by base64 whose last letter is not the only one that they can end with (RFC 4648 §3.5)."""
    first, signature, *rest = lines.split("\n")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = signature.rstrip("=")[-1]
    return "\n".join([first, signature.rstrip("=")[:-1] + letters[letters.index(last) + 1] + "=", *rest])


CONTENT = b"\x7fELF an update"
GOOD = SIGNER.sign(CONTENT)

# With one of these in the answer, no client of any platform can read it. White space around is taken off before we judge.
VERSIONS = [
    "", "latest", "1", "1.1", "1.1.0.0", "V1.1.0x", "01.1.0", "1.01.0", "1.1.0-", "1.1.0+", "1.1.0-01", "1.1.0-a..b",
    "1.1.0+a..b", "1.1.0+a+b", "1.1.0-é", "１.1.0", "1.1.0-\u0661", "1.1.0 beta", "1.1.0_1", "18446744073709551616.0.0",
    "0.0.18446744073709551616",
]  # fmt: skip
ADDRESSES = [
    "/files/a", "files/a", "//sage.example/a", "sage.example/a", "http://", "https://", "http://[::1", "http://127.0.0.1:99999/a",
    "http://sage example/a", "http://xn--/a", "http://sage.example:port/a", "http://1.2.3.256/a", "http://a<b/a",
]  # fmt: skip
# The client is offered these, and then fails to fetch anything.
SCHEMES = ["ftp://sage.example/a", "file:///etc/hostname", "javascript:a", "data:,a"]
# The client is offered these, fetches the whole update, and then does not take it.
SIGNATURES = {
    "no base64": "hello!",
    "a web page": "<!doctype html>\n<title>Not found</title>",
    "a web page in base64": packed(b"<!doctype html>\n<title>Not found</title>\n"),
    "text as minisign writes it": unpacked(GOOD),
    "base64 of base64": packed(GOOD.encode()),
    "a secret key": SIGNER.secret_key,
    "a public key": SIGNER.public_key,
    "two lines": f"{GOOD[:76]}\n{GOOD[76:]}",
    "URL-safe": packed(unpacked(GOOD).replace("tauri", "~?~?~?~?~?~?").encode()).replace("+", "-").replace("/", "_"),
    "without its padding": GOOD.rstrip("="),
    "with too much padding": f"{GOOD}=",
    "cut": GOOD[:-8],
    "an empty line first": packed(f"\n{unpacked(GOOD)}".encode()),
    "bits beyond the last byte": packed(odd_bits(unpacked(GOOD)).encode()),
    "no trusted comment": packed(unpacked(GOOD).replace("\ntrusted comment: ", "\n").encode()),
}
# The same, and for what only a key or the file can tell.
UNTRUE = {
    "another key": STRANGER.sign(CONTENT),
    "another comment": packed(unpacked(GOOD).replace("timestamp:1", "timestamp:2").encode()),
    "another file": SIGNER.sign(CONTENT + b"!"),
}
# Odd, and all the same taken by the client and by us.
TAKEN_VERSIONS = [
    "1.1.0+05",
    "1.1.0-rc.1",
    "1.1.0-18446744073709551616",
    "1.1.0+18446744073709551616",
    "18446744073709551615.0.0",
]
TAKEN_SIGNATURES = {
    "bound to the version": SIGNER.sign(CONTENT, "timestamp:1\tfile:Sage.AppImage\tversion:1.1.0"),
    "legacy": SIGNER.sign(CONTENT, algorithm=b"Ed"),
    "minisign's comment": SIGNER.sign(CONTENT, "timestamp:1\tfile:Sage.AppImage\thashed"),
    "no new line at its end": packed(unpacked(GOOD).rstrip("\n").encode()),
}
