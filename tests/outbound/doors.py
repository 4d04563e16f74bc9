"""Doors of a deployment in development and of one in production, with names that a table gives."""

from collections.abc import Mapping, Sequence

from sage_platform.outbound import AllowedNetwork, Answer, Deadline, Door, Resolver

DEVELOPMENT, PRODUCTION = "development", "production"


class Names:
    """A resolver with a table of its own. `asked` has every name that it was asked for."""

    def __init__(self, table: Mapping[str, Sequence[str]]) -> None:
        self.table = dict(table)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        if host not in self.table:
            raise OSError("no such name")
        return self.table[host]


def door_of(deployment: str, *networks: str, resolver: Resolver | None = None) -> Door:
    return Door(
        allow_private=deployment == DEVELOPMENT,
        allowed_networks=[AllowedNetwork.parse(each) for each in networks],
        resolver=resolver or Names({"localhost": ["127.0.0.1"]}),
    )


def get(
    door: Door,
    url: str,
    *,
    seconds: float = 10,
    max_bytes: int = 100_000,
    headers: Mapping[str, str] | None = None,
    trusted: bool = False,
    max_redirects: int = 0,
) -> Answer:
    return door.request(
        "GET",
        url,
        headers=headers,
        deadline=Deadline.after(seconds),
        max_bytes=max_bytes,
        trusted=trusted,
        max_redirects=max_redirects,
    )
