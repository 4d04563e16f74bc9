"""Names: what the resolver says decides, and it is asked once."""

import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from sage_platform.outbound import (
    AddressRefused,
    ConnectionFailed,
    Deadline,
    OutboundError,
    Resolver,
    TimedOut,
    door,
    lookup,
    system_resolver,
    using_resolver,
)
from sage_platform.outbound.lookup import MOST_LOOKUPS
from tests.outbound.doors import DEVELOPMENT, PRODUCTION, Names, door_of, get
from tests.outbound.servers import Server, never_accepting, serving


@pytest.fixture
def local() -> Iterator[Server]:
    with serving() as server:
        yield server


# What the name resolves to, and whether it may be reached in development and in production.
NAMES = [
    (["127.0.0.1"], True, False),
    (["127.0.0.1", "::1"], True, False),
    (["::ffff:127.0.0.1"], True, False),
    (["10.0.0.1"], True, False),
    (["192.168.0.1", "172.16.0.1"], True, False),
    (["fd12::1"], True, False),
    (["64:ff9b::10.0.0.1"], True, False),
    (["169.254.169.254"], False, False),
    (["::ffff:169.254.169.254"], False, False),
    (["64:ff9b::a9fe:a9fe"], False, False),
    (["2002:a9fe:a9fe::"], False, False),
    (["fe80::1"], False, False),
    (["fe80::1%eth0"], False, False),
    (["fd00:ec2::254"], False, False),
    (["100.100.100.200"], False, False),
    (["168.63.129.16"], False, False),
    (["0.0.0.0"], False, False),
    (["::"], False, False),
    (["224.0.0.1"], False, False),
    (["255.255.255.255"], False, False),
    # One bad answer among good ones is an attack, wherever it stands.
    (["93.184.216.34", "127.0.0.1"], True, False),
    (["127.0.0.1", "93.184.216.34"], True, False),
    (["93.184.216.34", "2606:4700::1", "fd12::1"], True, False),
    (["127.0.0.1", "169.254.169.254"], False, False),
    (["169.254.169.254", "127.0.0.1"], False, False),
    (["93.184.216.34", "169.254.169.254"], False, False),
    (["127.0.0.1", *["93.184.216.34"] * 20, "fe80::1"], False, False),
]
REFUSED = [
    (deployment, answers)
    for answers, development, production in NAMES
    for deployment, allowed in ((DEVELOPMENT, development), (PRODUCTION, production))
    if not allowed
]


@pytest.mark.parametrize(("deployment", "answers"), REFUSED)
def test_a_name_that_leads_to_where_nobody_may_go(deployment: str, answers: list[str], local: Server) -> None:
    names = Names({"evil.example": answers})
    with pytest.raises(AddressRefused) as caught:
        get(door_of(deployment, resolver=names), f"http://evil.example:{local.port}/")
    assert str(caught.value) == "This address is not allowed."
    assert names.asked == [("evil.example", local.port)]
    assert local.connections == 0


@pytest.mark.parametrize("answers", [["127.0.0.1"], ["::ffff:127.0.0.1"], ["127.0.0.1", "127.0.0.1"], ["::1", "127.0.0.1"]])
def test_a_name_that_leads_here_is_reached_in_development(answers: list[str], local: Server) -> None:
    names = Names({"inside.example": answers})
    assert get(door_of(DEVELOPMENT, resolver=names), f"http://inside.example:{local.port}/").content == b"hello"
    assert names.asked == [("inside.example", local.port)]
    assert local.received[0].headers["host"] == f"inside.example:{local.port}"


def test_the_zone_of_an_answer_is_dropped() -> None:
    """The system cannot connect to a zone of an address that is not link-local."""
    with serving(host="::1") as server:
        development = door_of(DEVELOPMENT, resolver=Names({"inside.example": ["::1%lo"]}))
        assert get(development, f"http://inside.example:{server.port}/").content == b"hello"


@pytest.mark.parametrize("networks", [["127.0.0.0/8"], ["127.0.0.1/32"]])
def test_a_name_in_an_allowed_network_is_reached_in_production(networks: list[str], local: Server) -> None:
    names = Names({"inside.example": ["127.0.0.1"], "mixed.example": ["127.0.0.1", "10.0.0.1"]})
    production = door_of(PRODUCTION, *networks, resolver=names)
    assert get(production, f"http://inside.example:{local.port}/").content == b"hello"
    with pytest.raises(AddressRefused):
        get(production, f"http://mixed.example:{local.port}/")
    assert local.connections == 1


class Changing:
    """A name server of an attacker: another answer each time."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


def test_a_name_that_changes_between_the_check_and_the_connection(local: Server) -> None:
    """The connection goes to the answer that was checked: nobody asks again."""
    changing = Changing(["127.0.0.1"], ["127.0.0.2"])
    assert get(door_of(DEVELOPMENT, resolver=changing), f"http://rebind.example:{local.port}/").content == b"hello"
    assert changing.asked == 1
    assert local.connections == 1


def test_a_name_that_changes_between_two_calls_is_checked_again(local: Server) -> None:
    changing = Changing(["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1"])
    development = door_of(DEVELOPMENT, resolver=changing)
    url = f"http://rebind.example:{local.port}/"
    assert get(development, url).content == b"hello"
    with pytest.raises(AddressRefused):
        get(development, url)
    assert get(development, url).content == b"hello"
    assert local.connections == 2


def test_localhost_is_not_even_looked_up_where_it_is_refused(local: Server) -> None:
    """Whatever a resolver would make of it."""
    names = Names({"localhost": ["93.184.216.34"], "a.localhost": ["93.184.216.34"]})
    for name in ("localhost", "a.localhost", "A.LOCALHOST."):
        with pytest.raises(AddressRefused):
            get(door_of(PRODUCTION, resolver=names), f"http://{name}:{local.port}/")
    assert names.asked == []


ASKED = [
    ("VENDOR.example", "vendor.example"),
    ("vendor.example.", "vendor.example"),
    ("bücher.example", "xn--bcher-kva.example"),
    ("BÜCHER.example", "xn--bcher-kva.example"),
    ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ("faß.example", "xn--fa-hia.example"),  # IDNA 2008; the older rules lead to another owner's fass.example.
    ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
    ("ｖｅｎｄｏｒ.example", "vendor.example"),
    ("my_vendor", "my_vendor"),
]


@pytest.mark.parametrize(("typed", "name"), ASKED)
def test_one_spelling_is_asked_for_and_sent(typed: str, name: str, local: Server) -> None:
    names = Names({name: ["127.0.0.1"]})
    assert get(door_of(DEVELOPMENT, resolver=names), f"http://{typed}:{local.port}/").content == b"hello"
    assert names.asked == [(name, local.port)]
    assert local.received[0].headers["host"] == f"{name}:{local.port}"


def no_such_name(host: str, port: int) -> list[str]:
    raise OSError("NXDOMAIN from 10.0.0.53")


def too_long_for_dns(host: str, port: int) -> list[str]:
    return "a..b".encode("idna").decode().split()


@pytest.mark.parametrize("resolver", [no_such_name, too_long_for_dns, lambda host, port: [], lambda host, port: ["nonsense"]])
@pytest.mark.parametrize("deployment", [DEVELOPMENT, PRODUCTION])
def test_a_name_that_nobody_knows(resolver: Resolver, deployment: str) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        get(door_of(deployment, resolver=resolver), "http://nobody.example/")
    assert str(caught.value) == "The name of the server was not found."


# -- Several addresses ----------------------------------------------------------------------------------------------------


def test_the_next_address_is_tried_when_one_refuses(local: Server) -> None:
    names = Names({"inside.example": ["127.0.0.2", "127.0.0.3", "::1", "127.0.0.1"]})
    assert get(door_of(DEVELOPMENT, resolver=names), f"http://inside.example:{local.port}/").content == b"hello"
    assert local.connections == 1


def test_a_dead_address_leaves_time_for_the_next(local: Server) -> None:
    with never_accepting("127.0.0.2", local.port):
        names = Names({"inside.example": ["127.0.0.2", "127.0.0.1"]})
        begun = time.monotonic()
        assert get(door_of(DEVELOPMENT, resolver=names), f"http://inside.example:{local.port}/", seconds=2).content == b"hello"
        assert 0.8 < time.monotonic() - begun < 2


def test_only_so_many_addresses_are_tried() -> None:
    """A name with hundreds of addresses must not make us a scanner."""
    with serving(host="127.0.0.1") as last:
        names = Names({"many.example": [*[f"127.0.1.{number}" for number in range(1, 201)], "127.0.0.1"]})
        with pytest.raises(ConnectionFailed) as caught:
            get(door_of(DEVELOPMENT, resolver=names), f"http://many.example:{last.port}/")
        assert str(caught.value) == "The server could not be reached."
        assert last.connections == 0


def test_nobody_listens() -> None:
    with serving() as server:
        port = server.port
    with pytest.raises(ConnectionFailed) as caught:
        get(door_of(DEVELOPMENT), f"http://127.0.0.1:{port}/")
    assert str(caught.value) == "The server could not be reached."


# -- The resolver hangs ---------------------------------------------------------------------------------------------------


def lookups() -> int:
    return sum(thread.name == "outbound-lookup" for thread in threading.enumerate())


def test_a_hanging_resolver_holds_a_bounded_number_of_threads(local: Server) -> None:
    """Every call ends at its deadline, the surplus makes no thread, and all is well again once the resolver is."""
    released = threading.Event()

    def hangs(host: str, port: int) -> list[str]:
        released.wait(60)
        return ["127.0.0.1"]

    development = door_of(DEVELOPMENT, resolver=hangs)
    ended: list[tuple[type[OutboundError], float]] = []

    def call() -> None:
        begun = time.monotonic()
        try:
            get(development, f"http://slow.example:{local.port}/", seconds=0.4)
        except OutboundError as error:
            ended.append((type(error), time.monotonic() - begun))

    callers = [threading.Thread(target=call) for _ in range(MOST_LOOKUPS + 16)]
    try:
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(10)
        assert {kind for kind, _seconds in ended} == {TimedOut}
        assert len(ended) == len(callers)
        assert max(seconds for _kind, seconds in ended) < 5
        assert lookups() == MOST_LOOKUPS
        assert local.connections == 0
        # An address without a name needs no resolver.
        assert get(development, f"http://127.0.0.1:{local.port}/").content == b"hello"
    finally:
        released.set()
    until = time.monotonic() + 5
    while lookups() and time.monotonic() < until:
        time.sleep(0.01)
    assert lookups() == 0
    assert get(development, f"http://slow.example:{local.port}/").content == b"hello"


class Unstartable(threading.Thread):
    def start(self) -> None:
        raise RuntimeError("can't start new thread")


def test_a_system_without_threads_to_give_loses_no_place_for_a_lookup(local: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    development = door_of(DEVELOPMENT, resolver=Names({"inside.example": ["127.0.0.1"]}))
    with monkeypatch.context() as patched:
        patched.setattr(lookup, "Thread", Unstartable)
        for _ in range(MOST_LOOKUPS + 1):
            with pytest.raises(ConnectionFailed) as caught:
                get(development, f"http://inside.example:{local.port}/", seconds=1)
            assert str(caught.value) == "The server could not be reached."
    assert get(development, f"http://inside.example:{local.port}/").content == b"hello"


def test_a_resolver_that_is_slow_but_answers(local: Server) -> None:
    def slow(host: str, port: int) -> list[str]:
        time.sleep(0.1)
        return ["127.0.0.1"]

    assert get(door_of(DEVELOPMENT, resolver=slow), f"http://slow.example:{local.port}/").content == b"hello"


# -- The system's own -----------------------------------------------------------------------------------------------------


def test_the_systems_resolver_knows_this_machine(local: Server) -> None:
    assert "127.0.0.1" in system_resolver("localhost", 80)
    assert get(door_of(DEVELOPMENT, resolver=system_resolver), f"http://localhost:{local.port}/").content == b"hello"


def test_a_resolver_passed_in_reaches_every_thread(local: Server) -> None:
    """Probes run on threads of their own."""
    answers: list[bytes] = []

    def call() -> None:
        answers.append(
            door().request("GET", f"http://only-in-tests.example:{local.port}/", deadline=Deadline.after(5), max_bytes=9).content
        )

    with using_resolver(Names({"only-in-tests.example": ["127.0.0.1"]})):
        thread = threading.Thread(target=call)
        thread.start()
        thread.join(10)
    assert answers == [b"hello"]
    assert door().resolver is system_resolver
