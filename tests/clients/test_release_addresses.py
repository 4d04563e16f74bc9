"""What we take for an update's address is one by the standard that the updater's library follows, and leads to the same host."""

import json
import re
import subprocess
from itertools import product

import pytest

from sage_platform.outbound import MalformedAddress
from tests.clients.node import node
from tests.clients.programs import HERE
from tests.versions.test_judging import ADDRESSES, NO_ADDRESSES
from versions import addresses

pytestmark = [pytest.mark.programs, pytest.mark.xdist_group("clients")]

HOSTS = r"""
a.example A.EXAMPLE a.example. a..example .a.example a_b.example -a.example a-.example a--b.example localhost faß.example ａ。ｂ
bücher.example ＡＢＣ.example 例え.テスト اb.example xn--bücher.example xn--a-ecp.example xn--a.example xn--bcher-kva.example
xn--.example xn---.example xn--a-.example xn--i-7iq.example XN--BCHER-KVA.example xn--bcher-KVA.example xn--80ak6aa92e.example
1.2.3.4 1.2.3 1.2.3.4.5 1.2.3.256 0x7f.1 0x7f000001 0177.0.0.1 08.1 4294967296 1.2.3.0x 1.2.3.0x000000000000000000001 a.1 a.0x1
a.0x 0x [::1] [::ffff:1.2.3.4] [::1.2.3] [1::2::3] [::1%25a] [::1%a] [a] a%62.example a<b a|b a^b a#b a?b a@b a:b a,b a;b a'b
a"b a(b a*b a!b a$b a&b a+b a=b a~b a`b a{b} a\b
""".split()  # noqa: SIM905  A line for each would hide what they are.
LENGTHS = ["", "a" * 63 + ".example", "a" * 64 + ".example", ".".join(["a" * 60] * 5)]
PORTS = ["", ":0", ":1", ":443", ":00443", ":65535", ":65536", ":", ":x", ":-1", ":４４３"]
PATHS = ["", "/", "/a b", "/a%2", "/a%zz", "/测试", "/../a", "//a", "/a?b#c", "?b", "#c", "/{{target}}", "/a|b", "/["]
LEADS = ["https:", "https:/", "https:///", "http:\\\\", " https://", "https ://", "//", "ſhttps://", "https://@"]
GIVEN = [
    *(address for address in (*NO_ADDRESSES.values(), *ADDRESSES) if address.isprintable()),
    *(f"{scheme}://{host}{port}/a" for scheme, host, port in product(["https", "HTTP"], [*HOSTS, *LENGTHS], PORTS)),
    *(f"https://a.example{path}" for path in PATHS),
    *(f"{lead}a.example/" for lead in LEADS),
]
POINT_AT_THE_END = re.compile(r"\.(?=:\d+$|$)")


def ours(address: str) -> str | None:
    """Host and port; None for what we refuse."""
    try:
        target = addresses.read(address)
    except MalformedAddress:
        return None
    return target.url.partition("://")[2].partition("/")[0].partition("?")[0]


def test_addresses() -> None:
    done = subprocess.run([*node(), HERE / "whatwg.mjs"], input=json.dumps(GIVEN).encode(), capture_output=True, check=True)
    theirs = dict(zip(GIVEN, json.loads(done.stdout), strict=True))
    taken = {address: host for address in GIVEN if (host := ours(address)) is not None}
    differ = [address for address, host in taken.items() if host != POINT_AT_THE_END.sub("", theirs[address] or "")]
    assert differ == []
    assert set(ADDRESSES) <= set(taken)
    assert len(taken) > 200
