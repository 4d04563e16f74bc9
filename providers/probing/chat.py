"""Asking the model one thing, and once more where the service says how it wants to be asked.

Services disagree about the name of the limit, some models only stream, and some need more room than a check of the connection
gives them.
"""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from django.utils.translation import gettext_lazy as _

from providers.probing import complaints
from providers.probing.calls import MOVED, Line
from providers.probing.categories import category_of, status_within
from providers.probing.complaints import Complaint
from providers.probing.replies import Reply, read_reply
from providers.probing.results import Category, ModelEndpoint, ProbeFailed, Sentence
from providers.probing.streams import completion_in
from providers.probing.vendor_text import Cleaner
from sage_platform.outbound import Answer, Deadline

# Of a message: a text, or its parts where a picture is among them.
Content = str | Sequence[Mapping[str, object]]
BUDGET = 512
# Enough to show that the model answers, since being cut off shows it too. Some services refuse a smaller limit than this.
SMALL_BUDGET = 16
OLD_LIMIT = "max_tokens"
NEW_LIMIT = "max_completion_tokens"
OTHER_LIMIT = {OLD_LIMIT: NEW_LIMIT, NEW_LIMIT: OLD_LIMIT}
# With one of these a service says that it does not do what it was asked.
REFUSING = (400, 404, 415, 422, 501)
# These are not about how the model is asked, whatever words they use.
NOT_OF_THE_FORM = (Category.AUTHENTICATION, Category.QUOTA, Category.RATE_LIMIT)
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
_A_LIMIT = re.compile(r"max[_ -]?((completion|output|new)[_ -]?)?tokens?|output (limit|tokens)")
_TOO_LOW = re.compile(
    r"below (the )?minimum|too (small|low|short)|at least|(greater|more|larger|higher) than|higher max|>= ?\d"
    r"|output limit was reached|不能?(小于|低于)|(必须|应|需)大于|太小|过小"
)
_ASKS_FOR_A_STREAM = re.compile(
    r"\b(only|must|needs?|requires?|please|enable|set|use)\b[^.;]{0,40}\bstream"
    r"|\bstream(ing)?\b[^.;]{0,20}\b(must|only|required)\b|\bstream\W{0,3}[=:]\W{0,3}(true|false)|\bstream\W{0,3}to be true"
    r"|\bexpected true at\W{0,3}(\w+\.)*stream|[仅只]支?持?.{0,4}流|非流式|不支持.{0,2}(sync|同步)"
)


@dataclass(frozen=True)
class Said:
    """What the model replied, and how long the service took for it."""

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

    @property
    def needs_room(self) -> bool:
        """Whether the limit was too low for the model to say anything."""
        return self.sentence is SILENT or (self.is_of_the_form and self._says(_A_LIMIT) and self._says(_TOO_LOW))

    @property
    def asks_for_a_stream(self) -> bool:
        return self.is_of_the_form and self._says(_ASKS_FOR_A_STREAM)

    def refuses_limit(self, name: str) -> bool:
        """Whether the service does not know the limit by this name."""
        if self.status not in (400, 422) or not self.is_of_the_form or self.needs_room or not self._says(_LIMIT_SPELLINGS[name]):
            return False
        return self._says(_LIMIT_SPELLINGS[OTHER_LIMIT[name]]) or not self._says(_ABOUT_THE_VALUE)

    @property
    def is_of_the_form(self) -> bool:
        return self.is_of_the_request and self.category not in NOT_OF_THE_FORM

    def _says(self, pattern: "re.Pattern[str]") -> bool:
        return pattern.search(self.complaint.everything) is not None


class Chat:
    """Asks one endpoint, and remembers how it wants to be asked: the name of the limit that it takes, and whether it streams."""

    def __init__(self, target: ModelEndpoint, deadline: Deadline, *, budget: int = BUDGET) -> None:
        self.target = target
        self.cleaner = Cleaner(target.api_key)
        self.budget = budget
        self.limit_name = NEW_LIMIT if _TAKES_NEW_LIMIT.match(target.model.lower()) else OLD_LIMIT
        self.streams = False
        self._line = Line(target, deadline)

    def __repr__(self) -> str:
        return f"Chat({self.target!r})"

    def another(self, deadline: Deadline) -> "Chat":
        """One with the whole budget, which knows what this one has learned."""
        chat = Chat(self.target, deadline)
        chat.limit_name, chat.streams = self.limit_name, self.streams
        return chat

    def ask(self, content: Content, **options: object) -> Said | ErrorReply:
        """Ask once, and once more for each thing that has to be asked in another way.

        Raises ProbeFailed when there is no answer at all.
        """
        said = self._ask(content, options)
        ways = [self._with_room, self._as_a_stream, self._by_the_other_name]
        while isinstance(said, ErrorReply):
            way = next((way for way in ways if way(said)), None)
            if way is None:
                break
            ways.remove(way)
            said = self._ask(content, options)
        return said

    def failure(self, error: ErrorReply, *, sentence: Sentence | None = None) -> ProbeFailed:
        """The vendor's error as a failure of the probe; `sentence` where the probe knows better what the error means."""
        detail = self.cleaner.detail(error.complaint.words)
        return ProbeFailed(error.category, sentence=sentence or error.sentence, detail=detail)

    def _with_room(self, error: ErrorReply) -> bool:
        """Whether the whole budget may help, which is used from now on. The same for the two ways below."""
        if self.budget >= BUDGET or not error.needs_room:
            return False
        self.budget = BUDGET
        return True

    def _as_a_stream(self, error: ErrorReply) -> bool:
        if self.streams or not error.asks_for_a_stream:
            return False
        self.streams = True
        return True

    def _by_the_other_name(self, error: ErrorReply) -> bool:
        if not error.refuses_limit(self.limit_name):
            return False
        self.limit_name = OTHER_LIMIT[self.limit_name]
        return True

    def _ask(self, content: Content, options: dict[str, object]) -> Said | ErrorReply:
        messages = [{"role": "user", "content": content}]
        body = {"model": self.target.model, "messages": messages, self.limit_name: self.budget, "stream": self.streams}
        began = time.perf_counter()
        answer = self._line.post("chat/completions", body | options)
        latency_ms = round((time.perf_counter() - began) * 1000)
        read = read_answer(answer, model=self.target.model)
        return read if isinstance(read, ErrorReply) else Said(read, latency_ms)


def read_answer(answer: Answer, *, model: str) -> Reply | ErrorReply:
    """Connected means HTTP 200 with a choice that has content, or reasoning, or was cut at its length."""
    if answer.status != 200:
        return error_reply_of(answer, model=model)
    is_json, body = complaints.parse(answer.content)
    is_streamed = not is_json
    if is_streamed:
        body = completion_in(answer.content)
    reply = read_reply(body)
    if reply is not None and reply.is_something:
        return replace(reply, is_streamed=is_streamed)
    error = _error_within(body)
    if complaints.is_complaint(error):
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
