"""The readers of the environment: right values, and wrong ones, which name the variable and never repeat the value."""

import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from sage_platform import env
from tests.environment import NAME, Reader, check_refused, refused
from tests.nobody import as_nobody

INTEGER: Reader = lambda: env.integer(NAME, 5, least=1, most=100)  # noqa: E731
BOOLEAN: Reader = lambda: env.boolean(NAME, default=True)  # noqa: E731
CHOICE: Reader = lambda: env.choice(NAME, "red", ["red", "green"])  # noqa: E731
NETWORKS: Reader = lambda: [str(network) for network in env.networks(NAME)]  # noqa: E731
ADDRESS: Reader = lambda: env.address(NAME, "127.0.0.1")  # noqa: E731
ORIGIN: Reader = lambda: env.origin(NAME, "http://127.0.0.1:8000")  # noqa: E731
ORIGINS: Reader = lambda: env.origins(NAME)  # noqa: E731
URL: Reader = lambda: env.url(NAME, "http://127.0.0.1/oauth2")  # noqa: E731
URL_OR_NONE: Reader = lambda: env.url(NAME)  # noqa: E731
SECRETS: Reader = lambda: env.secret_items(NAME)  # noqa: E731
RATE: Reader = lambda: env.rate(NAME, "10/min")  # noqa: E731
ITEMS: Reader = lambda: env.items(NAME, ["a"])  # noqa: E731

RIGHT: list[tuple[Reader, str, object]] = [
    (INTEGER, "", 5),
    (INTEGER, " 7 ", 7),
    (INTEGER, "1", 1),
    (INTEGER, "100", 100),
    (BOOLEAN, "", True),
    *[(BOOLEAN, word, True) for word in ("1", "true", "TRUE", "Yes", "on")],
    *[(BOOLEAN, word, False) for word in ("0", "false", "No", "OFF")],
    (CHOICE, "", "red"),
    (CHOICE, "green", "green"),
    (NETWORKS, "", []),
    (NETWORKS, "10.0.0.1, 10.1.0.0/16 ,fd00::/8", ["10.0.0.1/32", "10.1.0.0/16", "fd00::/8"]),
    (ADDRESS, "", "127.0.0.1"),
    *[(ADDRESS, value, value.strip("[]")) for value in ("0.0.0.0", "::", "::1", "[::1]")],
    (ORIGIN, "", "http://127.0.0.1:8000"),
    (ORIGIN, "https://sage.example", "https://sage.example"),
    (ORIGIN, "https://sage.example/", "https://sage.example"),
    (ORIGIN, "https://SAGE.example:443", "https://sage.example"),
    (ORIGIN, "http://sage.example:80", "http://sage.example"),
    (ORIGIN, "https://sage.example:8443", "https://sage.example:8443"),
    (ORIGIN, "http://[::1]:8000", "http://[::1]:8000"),
    (ORIGINS, "", []),
    (ORIGINS, "https://a.example, tauri://localhost", ["https://a.example", "tauri://localhost"]),
    (ORIGINS, "*", ["*"]),
    (URL, "", "http://127.0.0.1/oauth2"),
    (URL, "https://sage.example/oauth2/", "https://sage.example/oauth2"),
    (URL_OR_NONE, "", ""),
    (URL_OR_NONE, "https://sage.example/v1", "https://sage.example/v1"),
    (RATE, "", (10, timedelta(minutes=1))),
    (RATE, "1/sec", (1, timedelta(seconds=1))),
    (RATE, "5/s", (5, timedelta(seconds=1))),
    (RATE, " 30 / min ", (30, timedelta(minutes=1))),
    (RATE, "999999/hour", (999999, timedelta(hours=1))),
    (RATE, "100/day", (100, timedelta(days=1))),
    (ITEMS, "", ["a"]),
    (ITEMS, "b, c,,", ["b", "c"]),
    (SECRETS, "", []),
    (SECRETS, "newer, older,", ["newer", "older"]),
]


@pytest.mark.parametrize(("read", "value", "expected"), RIGHT)
def test_right_values(read: Reader, value: str, expected: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, value)
    assert read() == expected


WRONG: list[tuple[Reader, list[str], str]] = [
    (INTEGER, ["0", "101", "-1", "+5", "1_0", "1.5", "5x", "０", "9" * 5000], "a whole number from 1 to 100"),
    (BOOLEAN, ["maybe", "2", "y", "truefalse"], "true or false"),
    (ADDRESS, ["localhost", "10.0.0.256", "10.0.0.0/8", "*"], "an IP address, such as 127.0.0.1, 0.0.0.0 or ::1"),
    (CHOICE, ["blue", "RED", "red,green"], "one of red, green"),
    (
        NETWORKS,
        ["10.0.0.0.1", "10.0.0.1/33", "10.0.0.1/8", "host.example", "10.0.0.1;10.0.0.2"],
        "IP addresses or CIDR blocks separated by commas",
    ),
    (
        ORIGIN,
        [
            "sage.example",
            "//sage.example",
            "https://",
            "https://sage.example/path",
            "https://sage.example?x=1",
            "https://sage.example#x",
            "https://user:pw@sage.example",
            "https://sage.example:99999",
            "https://sage.example:port",
            "https://[::1",
        ],
        "an origin such as https://sage.example",
    ),
    (ORIGINS, ["https://a.example,b.example", "https://a.example/x"], "an origin such as https://sage.example"),
    (
        URL,
        [
            "/oauth2",
            "ftp://sage.example",
            "https://",
            "https://sage.example?x",
            "https://[::1",
            "https://a:port/x",
            "sage.example",
        ],
        "an absolute http or https address",
    ),
    (
        RATE,
        [
            "10",
            "/min",
            "10/",
            "10/minute",
            "0/min",
            "-1/min",
            "1.5/min",
            "1e3/min",
            "10/min/min",
            "１/min",
            "1000000/min",
            "10/MIN",
        ],
        "a number and a time, such as 10/min (sec, min, hour or day)",
    ),
]


@pytest.mark.parametrize(
    ("read", "value", "expected"), [(read, value, expected) for read, values, expected in WRONG for value in values]
)
def test_wrong_values(read: Reader, value: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, value)
    check_refused(read, expected)


# -- Secrets --------------------------------------------------------------------------------------------------------------


def test_a_secret_from_the_environment_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert env.secret(NAME, "default") == "default"
    monkeypatch.setenv(NAME, " from the environment ")
    assert env.secret(NAME) == "from the environment"
    monkeypatch.delenv(NAME)
    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "secret"))
    assert env.secret(NAME, "default") == "from a file"


def test_both_at_once_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("one")
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv(NAME, "another")
    assert str(refused(lambda: env.secret(NAME))) == f"{NAME}: expected either {NAME} or {NAME}_FILE, not both."


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read(content: bytes | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv(f"{NAME}_FILE", str(path))
    assert str(refused(lambda: env.secret(NAME))) == f"{NAME}_FILE: expected the path of a readable UTF-8 file."


def test_a_folder_is_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path))
    assert str(refused(lambda: env.secret(NAME))) == f"{NAME}_FILE: expected the path of a readable UTF-8 file."


RACER = """
import sys, time
from pathlib import Path
from sage_platform import env
go = Path(sys.argv[1])
print("ready", flush=True)
while not go.exists():
    time.sleep(0.001)
print(env.kept_secret("SAGE_TEST", Path(sys.argv[2])), flush=True)
"""


def test_eight_processes_at_once_keep_one_secret(tmp_path: Path) -> None:
    go, kept = tmp_path / "go", tmp_path / "data" / "secret_key"
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(go), str(kept)], env={"PYTHONPATH": "."}, stdout=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    go.touch()
    secrets = {racer.communicate(timeout=60)[0].strip() for racer in racers}
    assert [racer.returncode for racer in racers] == [0] * 8
    assert secrets == {kept.read_text().strip()}
    assert len(secrets.pop()) >= 48
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert [path.name for path in kept.parent.iterdir()] == ["secret_key"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    error = refused(lambda: env.kept_secret(NAME, tmp_path / "file" / "secret_key"))
    assert str(error) == f"{NAME}: expected a folder that can be made and written, and whose secret_key can be read."


def test_a_folder_and_a_secret_that_are_closed(tmp_path: Path) -> None:
    for path in tmp_path.parents[:2]:  # pytest's own, which are closed to others.
        path.chmod(0o755)
    expected = f"{NAME}: expected a folder that can be made and written, and whose secret_key can be read."
    for mode in (0o555, 0o000):
        tmp_path.chmod(mode)
        with as_nobody():
            assert str(refused(lambda: env.kept_secret(NAME, tmp_path / "secret_key"))) == expected
    tmp_path.chmod(0o755)
    (tmp_path / "secret_key").write_text("kept")
    (tmp_path / "secret_key").chmod(0)
    with as_nobody():
        assert str(refused(lambda: env.kept_secret(NAME, tmp_path / "secret_key"))) == expected


def test_a_kept_secret_stays(tmp_path: Path) -> None:
    assert env.kept_secret(NAME, tmp_path / "key") == env.kept_secret(NAME, tmp_path / "key")


@pytest.mark.parametrize("missing", ["SAGE_A", "SAGE_B"])
def test_all_or_none(missing: str) -> None:
    env.all_or_none(SAGE_A="", SAGE_B="")
    env.all_or_none(SAGE_A="hunter2", SAGE_B="hunter2")
    given = "SAGE_B" if missing == "SAGE_A" else "SAGE_A"
    error = refused(lambda: env.all_or_none(**{"SAGE_A": "hunter2", "SAGE_B": "hunter2"} | {missing: ""}))
    assert str(error) == f"{missing}: expected a value, since {given} is set."
