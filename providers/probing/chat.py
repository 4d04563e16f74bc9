"""Asking the model one thing. Services disagree about the name of the limit, so the other name is tried where one is refused."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext_lazy as _

from providers.probing import complaints
from providers.probing.calls import MOVED, Line
from providers.probing.categories import category_of, status_within
from providers.probing.complaints import Complaint
from providers.probing.replies import Reply, read_reply
from providers.probing.results import Category, ModelEndpoint, ProbeFailed, Sentence
from providers.probing.vendor_text import Cleaner
from sage_platform.outbound import Answer, Deadline

# Of a message: a text, or its parts where a picture is among them.
Content = str | Sequence[Mapping[str, object]]
BUDGET = 512
OLD_LIMIT = "max_tokens"
NEW_LIMIT = "max_completion_tokens"
OTHER_LIMIT = {OLD_LIMIT: NEW_LIMIT, NEW_LIMIT: OLD_LIMIT}
REFUSING = (400, 404, 415, 422, 501)
SILENT = _("The service answered, but the model said nothing. Try again, or choose another model.")

# OpenAI's reasoning models take only the new name. Knowing them saves a request that would be refused.
_TAKES_NEW_LIMIT = re.compile(r"(openai/)?(o\d|gpt-[5-9])(\b|-)")
_LIMIT_SPELLINGS = {
    OLD_LIMIT: re.compile(r"(?<![a-z_])max[_ -]?tokens?(?![a-z_])"),
    NEW_LIMIT: re.compile(r"(?<![a-z_])max[_ -]?completion[_ -]?tokens?(?![a-z_])"),
}
# The service knows the name of the limit and refuses its value: the other name would not help.
_ABOUT_THE_VALUE = re.compile(
    r"too (large|small|big|high|low)|at (most|least)|(less|greater|more|fewer|smaller|larger) than|exceed"
)


@dataclass(frozen=True)
class Said:
    reply: Reply
    latency_ms: int


@dataclass(frozen=True)
class ErrorReply:
    """A vendor's answer that is no completion. `status` is the HTTP status, or the one that an error inside HTTP 200 names."""

    status: int
    complaint: Complaint = field(repr=False)
    category: Category
    sentence: Sentence | None = None

    @property
    def is_of_the_request(self) -> bool:
        """Whether the service says that it will not do what was asked: by a status made for that, or inside HTTP 200."""
        by_status = self.status in REFUSING or (self.status == 200 and self.category is not Category.NOT_OPENAI)
        return by_status and bool(self.complaint.words) and not self.complaint.is_html


class Chat:
    """Asks one endpoint, and remembers which name of the limit it takes."""

    def __init__(self, target: ModelEndpoint, deadline: Deadline, *, limit_name: str = "") -> None:
        self.target = target
        self.cleaner = Cleaner(target.api_key)
        self.limit_name = limit_name or (NEW_LIMIT if _TAKES_NEW_LIMIT.match(target.model.lower()) else OLD_LIMIT)
        self._line = Line(target, deadline)

    def __repr__(self) -> str:
        return f"Chat({self.target!r})"

    def ask(self, content: Content, **options: object) -> Said | ErrorReply:
        """Ask once; once more with the other name of the limit where this one is refused.

        Raises ProbeFailed when there is no answer at all.
        """
        said = self._ask(content, options)
        if isinstance(said, ErrorReply) and self._refuses_limit(said):
            self.limit_name = OTHER_LIMIT[self.limit_name]
            said = self._ask(content, options)
        return said

    def failure(self, error: ErrorReply, *, sentence: Sentence | None = None) -> ProbeFailed:
        """The vendor's error as a failure of the probe; `sentence` where the probe knows better what the error means."""
        detail = self.cleaner.detail(error.complaint.words)
        return ProbeFailed(error.category, sentence=sentence or error.sentence, detail=detail)

    def _ask(self, content: Content, options: dict[str, object]) -> Said | ErrorReply:
        body = {"model": self.target.model, "messages": [{"role": "user", "content": content}], self.limit_name: BUDGET}
        began = time.perf_counter()
        answer = self._line.post("chat/completions", body | {"stream": False} | options)
        latency_ms = round((time.perf_counter() - began) * 1000)
        read = read_answer(answer, model=self.target.model)
        return read if isinstance(read, ErrorReply) else Said(read, latency_ms)

    def _refuses_limit(self, error: ErrorReply) -> bool:
        if error.status not in (400, 422) or error.category in (Category.AUTHENTICATION, Category.QUOTA, Category.RATE_LIMIT):
            return False
        told = error.complaint.everything
        if not _LIMIT_SPELLINGS[self.limit_name].search(told):
            return False
        offers_other = _LIMIT_SPELLINGS[OTHER_LIMIT[self.limit_name]].search(told)
        return bool(offers_other) or not _ABOUT_THE_VALUE.search(told)


def read_answer(answer: Answer, *, model: str) -> Reply | ErrorReply:
    """Connected means HTTP 200 with a choice that has content, or reasoning, or was cut at its length."""
    if answer.status != 200:
        return error_reply_of(answer, model=model)
    is_json, body = complaints.parse(answer.content)
    reply = read_reply(body)
    if reply is not None and reply.is_something:
        return reply
    error = _error_within(body)
    if is_json and complaints.is_complaint(error):
        complaint = complaints.read_value(error)
        status = status_within(complaint)
        return ErrorReply(status, complaint, category_of(status, complaint, model=model))
    if reply is not None:
        return ErrorReply(200, Complaint(is_json=True), Category.SERVICE, SILENT)
    return ErrorReply(200, complaints.read(answer.content), Category.NOT_OPENAI)


def _error_within(body: object) -> object:
    """The error that a gateway puts into the first choice when it had begun to answer already; else the body itself."""
    choices = body.get("choices") if isinstance(body, dict) else None
    return choices[0] if choices and isinstance(choices, list) and complaints.is_complaint(choices[0]) else body


def error_reply_of(answer: Answer, *, model: str) -> ErrorReply:
    complaint = complaints.read(answer.content)
    category = category_of(answer.status, complaint, model=model)
    return ErrorReply(answer.status, complaint, category, MOVED if 300 <= answer.status < 400 else None)
