"""What a probe is asked about, what it finds, and how it fails. Nothing here but `ModelEndpoint` holds the key."""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.keys import ApiKey
from sage_platform.telemetry.operations import Failure

Sentence = str | Promise  # In a language already, or translated when it is shown.


@dataclass(frozen=True)
class ModelEndpoint:
    """One model at one OpenAI-compatible address. `trusted`: the address comes from the deployment's own settings."""

    base_url: str
    api_key: ApiKey
    model: str
    trusted: bool = False


class Category(StrEnum):
    """Why a probe failed. The values are stored."""

    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    MODEL = "model"
    QUOTA = "quota"
    RATE_LIMIT = "rate_limit"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    NOT_OPENAI = "not_openai"
    SERVICE = "service"

    @property
    def counts_as(self) -> Failure:
        """An `error` where no answer came, or one that the service itself is failing; else the service has said no."""
        return "error" if self in {Category.TIMEOUT, Category.CONNECTION, Category.SERVICE} else "refused"


class Capability(StrEnum):
    """UNKNOWN: nothing was learned. A service that was too slow to answer has not said no."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


SENTENCES: dict[Category, Sentence] = {
    Category.AUTHENTICATION: gettext_lazy("Authentication failed. Check the API key: it may be mistyped, expired or revoked."),
    Category.PERMISSION: gettext_lazy(
        "Permission denied. The key is known, but it may not use this. Ask the service for access, or use another key."
    ),
    Category.MODEL: gettext_lazy("The model is not available. Check its name, or choose another model of this service."),
    Category.QUOTA: gettext_lazy("The quota or balance is used up. Top up the account or raise its limit at the service."),
    Category.RATE_LIMIT: gettext_lazy("The service limits how often it may be asked. Wait a moment, then try again."),
    Category.TIMEOUT: gettext_lazy("The service did not answer in time. Try again, or check whether it is up."),
    Category.CONNECTION: gettext_lazy("The connection failed. Check the address, and that the service can be reached from here."),
    Category.NOT_OPENAI: gettext_lazy(
        "This address does not answer like an OpenAI-compatible API. Check the base URL; it often ends in /v1."
    ),
    Category.SERVICE: gettext_lazy("The service answered with an error. Try again later, or ask the service."),
}


class ProbeFailed(Exception):  # noqa: N818  The name says what happened; that it is an error, its base says.
    """A probe did not get through.

    `sentence` tells the person what to do next. `detail` is the vendor's own text, at most 300 characters, cleaned of the key.
    """

    def __init__(self, category: Category, *, sentence: Sentence | None = None, detail: str = "") -> None:
        super().__init__(category.value)
        self.category = category
        self.sentence = SENTENCES[category] if sentence is None else sentence
        self.detail = detail
        self.counts_as: Failure = category.counts_as

    @property
    def message(self) -> str:
        """The sentence, and the vendor's words where there are any, in the language that is active now."""
        if not self.detail:
            return str(self.sentence)
        return _("%(sentence)s The service says: %(detail)s") % {"sentence": self.sentence, "detail": self.detail}

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Connection:
    """`answer` is what the model said, or its reasoning where it said nothing; the latency is the answer's alone.

    `streams_only`: the service would not answer in one piece.
    """

    answer: str
    latency_ms: int
    streams_only: bool = False


@dataclass(frozen=True)
class ImageResult:
    """`recognized`: the model named the picture's colour. `counts_as` is of the service's failure, if that left it unknown."""

    capability: Capability
    recognized: bool = False
    answer: str | None = None
    error: str | None = None
    counts_as: Failure | None = None


@dataclass(frozen=True)
class JSONResult:
    """`parsed` is the JSON object that was found in `answer`."""

    capability: Capability
    answer: str | None = None
    parsed: object = None
    error: str | None = None


@dataclass(frozen=True)
class Capabilities:
    connection: Connection
    image: ImageResult
    structured: JSONResult
