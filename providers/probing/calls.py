"""One request to the vendor, and what its failures are called. All of them go through the one door for outbound HTTP."""

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from providers.probing.results import SENTENCES, Category, ModelEndpoint, ProbeFailed, Sentence
from sage_platform import outbound
from sage_platform.outbound import Answer, Deadline, OutboundError

# The answers to 512 tokens are a few thousand bytes; lists of models are longer.
MOST_BYTES = 1024 * 1024
MOST_BYTES_OF_A_LIST = 4 * 1024 * 1024

ODD_KEY = _(
    "Authentication failed. The API key has characters that no key has. Copy it again, without spaces and quotes around it."
)
NOT_ALLOWED = _(
    "The connection failed. This address is not allowed here. Use the service's public address, or ask the administrator."
)
MOVED = _("This address redirects elsewhere. Enter the address that it leads to as the base URL.")


@dataclass(frozen=True)
class Line:
    """Everything that one check asks of one endpoint, under one deadline."""

    target: ModelEndpoint
    deadline: Deadline

    def get(self, path: str) -> Answer:
        return self._send("GET", path, None, MOST_BYTES_OF_A_LIST)

    def post(self, path: str, body: dict[str, object]) -> Answer:
        return self._send("POST", path, body, MOST_BYTES)

    def _send(self, method: str, path: str, body: dict[str, object] | None, max_bytes: int) -> Answer:
        """Raises ProbeFailed when there is no answer. Redirects are not followed: the key is meant for this address alone."""
        if self.target.api_key and not self.target.api_key.fits_a_header:
            raise ProbeFailed(Category.AUTHENTICATION, sentence=ODD_KEY)
        try:
            return outbound.door().request(
                method,
                address(self.target.base_url, path),
                headers=self._headers(),
                json=body,
                deadline=self.deadline,
                max_bytes=max_bytes,
                trusted=self.target.trusted,
            )
        except OutboundError as error:
            failed = _failed(error)
        # Raised out here, since within the block it would hold the other error, and that one holds the request.
        raise failed

    def _headers(self) -> dict[str, str]:
        """The one place where a key becomes a text again to be sent; no variable holds what this gives."""
        if not self.target.api_key:
            return {"Accept": "application/json"}
        return {"Accept": "application/json", "Authorization": f"Bearer {self.target.api_key.reveal()}"}


def address(base_url: str, path: str) -> str:
    """The path below the base URL; a query, which some deployments need, stays at the end."""
    parts = urlsplit(base_url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{path}", fragment=""))


def _failed(error: OutboundError) -> ProbeFailed:
    if isinstance(error, outbound.AddressRefused):
        refused = ProbeFailed(Category.CONNECTION, sentence=NOT_ALLOWED)
        refused.counts_as = "refused"  # By us: nobody was asked.
        return refused
    if isinstance(error, outbound.TimedOut):
        return ProbeFailed(Category.TIMEOUT)
    if isinstance(error, outbound.AnswerTooLarge):
        return ProbeFailed(Category.NOT_OPENAI)
    return ProbeFailed(Category.CONNECTION, sentence=_with_reason(error))


def _with_reason(error: OutboundError) -> Sentence:
    return format_lazy("{} {}", SENTENCES[Category.CONNECTION], error.reason)
