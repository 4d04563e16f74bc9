"""What one room must know of another without importing it: small registries, filled in each app's `AppConfig.ready()`.

Each says what an entry is and who asks for it. Those marked "for an area to come" nobody fills and nobody asks yet.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, Protocol, TypeVar
from wsgiref.types import StartResponse

from django.db.models import Exists, QuerySet
from django.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser  # A model, which cannot be imported before the apps are ready.

T = TypeVar("T")


class Registry(Generic[T]):
    """Named entries in the order of their registration. A name registered twice is a programming error."""

    def __init__(self, holds: str) -> None:
        self.holds = holds
        self._entries: dict[str, T] = {}

    def register(self, name: str, entry: T) -> None:
        if self._entries.get(name, entry) != entry:
            raise ValueError(f"{self.holds} {name!r} is registered already")
        self._entries[name] = entry

    def __getitem__(self, name: str) -> T:
        return self._entries[name]

    def items(self) -> Iterator[tuple[str, T]]:
        return iter(list(self._entries.items()))

    def values(self) -> Iterator[T]:
        return iter(list(self._entries.values()))


class Slot(Generic[T]):
    """A place for exactly one entry."""

    def __init__(self, holds: str) -> None:
        self.holds = holds
        self._entry: T | None = None

    def fill(self, entry: T) -> None:
        if self._entry not in {None, entry}:
            raise ValueError(f"there is a {self.holds} already")
        self._entry = entry

    def get(self) -> T | None:
        return self._entry


# -- Who asks --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ThirdParty:
    """A client that asks by a token of its own: for `user` (an active one), or for itself where that is None."""

    client_id: str
    scopes: frozenset[str]
    user: "AbstractBaseUser | None"


class ThirdPartyTokens(Protocol):
    """Who asks with a token, or None when it is unknown, ended, or was expired at a moment, by default now. One query."""

    def __call__(self, token: str, at: datetime | None = None) -> ThirdParty | None: ...


# By the prefix of a token. `accounts.authentication` asks, for a bearer token with that prefix.
third_party_tokens: Registry[ThirdPartyTokens] = Registry("third-party token")
# A yes or no about the caller, for example `has_provider`. `accounts.services.facts` asks. Each is called with the name of the
# column that holds the user's key, and gives an expression for the query that finds the caller, so that it costs none of its own.
caller_facts: Registry[Callable[[str], Exists]] = Registry("caller fact")
# Called with a user's id at the beginning of the transaction that deletes the user, before their row is locked: locks what others
# lock before they come to need that row, since two that lock in different orders wait for each other. `accounts.services.users`
# asks.
locks_before_a_user_s: Registry[Callable[[str], None]] = Registry("lock that comes before a user's")

# -- The deployment about itself ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gauge:
    """Numbers as they are now: of each its values of `labels`, `()` where there are none.

    `read` runs in a thread of its own. Where it raises or takes long, the gauge is left out.
    """

    help: str
    read: Callable[[], Iterable[tuple[tuple[str, ...], float]]]
    labels: tuple[str, ...] = ()


# A setting that administrators change while the platform runs, for example `allow_registration`. `system` registers its flags,
# and whoever needs one asks for it by its name.
deployment_settings: Registry[Callable[[], bool]] = Registry("deployment setting")
# Keys of /api/system/info; each part answers a dict. `system.info` asks.
info_parts: Registry[Callable[[], dict[str, Any]]] = Registry("info part")
# Each check returns when its dependency works and raises when not. `system.health` asks, and the command `doctor`.
health_checks: Registry[Callable[[], None]] = Registry("health check")
# By the metric's name: the numbers of a room. `observability.gauges` asks, once a minute.
gauges: Registry[Gauge] = Registry("gauge")
# By the name of a kind of rows: those that had run out at a moment. The command `prune` asks, and deletes them.
prunable: Registry[Callable[[datetime], QuerySet[Any]]] = Registry("kind of rows that run out")
# By the name of a kind of rows: those about a user's id, which stay when the user is deleted. `prune --user` asks, and deletes
# them in this order.
rows_of_user: Registry[Callable[[str], QuerySet[Any]]] = Registry("kind of rows about a user's id")

# -- Requests and answers -------------------------------------------------------------------------------------------------

Environ = dict[str, Any]


class FrontAnswer(Protocol):
    """A WSGI application (PEP 3333), or None where Django is to answer after all."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes] | None: ...


@dataclass(frozen=True)
class ErrorParts:
    """What every form of an error is made of: the HTTP status, and `code`, `message`, `data` of the envelope."""

    status: int
    code: int
    message: str
    data: dict[str, list[dict[str, str]]] | None = None


# A view that has a form of its own for errors carries it as its attribute `error_format`.
ErrorFormat = Callable[[HttpRequest, ErrorParts, Mapping[str, str]], HttpResponse]
Schema = dict[str, Any]


@dataclass(frozen=True)
class RawRoute:
    """A route without an envelope, as the OpenAPI document tells it. `schema` and `form` are JSON Schema.

    `refusals` are the HTTP statuses that the document describes by `refused`, a Response Object (OpenAPI 3.1 §4.8.17); `also`
    are others, each with a sentence, and `success` is that of a success. `who` says who may call it, where that is neither anyone
    nor administrators. `parameters` are those of the path, each with a
    sentence, and `query` those of the query, which may be left out. Anyone may call it, or `administrators` alone.
    """

    method: str
    path: str
    summary: str
    media_type: str = ""
    schema: Schema = field(default_factory=lambda: {"type": "string"})
    form: Schema = field(default_factory=dict)
    refusals: tuple[str, ...] = ()
    refused: Schema = field(default_factory=dict)
    also: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    success: tuple[str, str] = ("200", "Success.")
    administrators: bool = False
    who: str = ""


@dataclass(frozen=True)
class RawRoutes:
    """The raw routes of one room, and the components that their descriptions refer to."""

    routes: Sequence[RawRoute]
    components: Mapping[str, Schema] = field(default_factory=dict)


# By the path: what is answered in front of Django. `sage_platform.wsgi` asks once, at the start of a process, for `front`.
front_answers: Registry[FrontAnswer] = Registry("answer in front of Django")
# What the OpenAPI document says of routes without an envelope, by the room that has them. `api.schema` asks.
raw_routes: Registry[RawRoutes] = Registry("room's raw routes")
# How an error is told to people, outside /api. `pages` fills it, and `api.handlers` asks; while it is empty the envelope is used.
error_page: Slot[ErrorFormat] = Slot("error page")

# -- Pages ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Panel:
    """A part of a page: the template gets `context` as `panel`."""

    template: str
    context: Mapping[str, Any] = field(default_factory=dict)


# What an area shows a person on their account page; None where there is nothing to show this one. `accounts.pages` asks.
account_panels: Registry[Callable[[HttpRequest], Panel | None]] = Registry("account panel")
# The name of the client that a person signs in for, by the address that they go on to; None where the address is no client's.
waiting_clients: Registry[Callable[[str], str | None]] = Registry("look-up of waiting clients")
# What an area shows staff on the admin's front page; None for nothing. `sage_platform.admin` asks.
admin_panels: Registry[Callable[[HttpRequest], Panel | None]] = Registry("admin panel")

# -- Files ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StoredFile:
    """A file in our own store, as a release sees it. `open` gives a stream that its caller closes."""

    key: str
    name: str
    size: int
    sha256: str
    open: Callable[[], BinaryIO]


# The file that an absolute address of ours leads to; None for a stranger's address and for a file that is gone. `uploads` fills
# it, and `versions` asks.
stored_files: Slot[Callable[[str], StoredFile | None]] = Slot("look-up of stored files")
# Whether something in the area still needs the object under a key: such an object is neither replaced nor deleted. One
# indexed query: `uploads` asks within the transaction that marks the object for it.
object_references: Registry[Callable[[str], bool]] = Registry("kind of reference to objects")
# Who is about to write down that it needs files asks this before it does so, in the same transaction: by the address, those of
# these that stay as they are until it ends, and from then on by its reference. An address of ours that is missing in the answer
# leads to a file that is gone, or that is being replaced or deleted just now. `uploads` fills it (`uploads.services.at_work` says
# why that is right). Lock what is the area's own first: whoever waits for files must hold nothing that their holder needs.
held_files: Slot[Callable[[Iterable[str]], dict[str, StoredFile]]] = Slot("way to hold stored files")
