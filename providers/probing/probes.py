"""The checks: does it answer, does it see, does it obey a JSON mode."""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _

from providers.probing import pictures, structured
from providers.probing.chat import SMALL_BUDGET, Chat, ErrorReply
from providers.probing.pictures import Colour
from providers.probing.results import (
    Capabilities,
    Capability,
    Category,
    Connection,
    ImageResult,
    JSONResult,
    ModelEndpoint,
    ProbeFailed,
)
from sage_platform.outbound import Deadline

Draw = Callable[[Sequence[Colour]], Colour]

HELLO = "Reply with the one word: OK"
WHICH_COLOUR = "Which colour fills this picture? Answer with the name of one basic colour, in one word."
NO_IMAGES = _("The model does not take images.")
NOT_SEEN = _("The model did not name the colour of the picture that it was shown, so it does not seem to see images.")
NO_JSON = _("There is no JSON mode that this model obeys.")
UNFINISHED = _("The model used up its answer before it came to the point, so this could not be found out.")

# These failures would meet any other request too, so that another try would only cost time or money.
HOPELESS = (
    Category.AUTHENTICATION,
    Category.PERMISSION,
    Category.QUOTA,
    Category.RATE_LIMIT,
    Category.TIMEOUT,
    Category.CONNECTION,
)
_ABOUT_IMAGES = re.compile(
    r"image|vision|visual|picture|multi-?modal|unknown variant|text.only|content.{0,40}\b(string|str|text)\b"
    r"|图[片像文]|[看识]图|视觉|多模态"
)
# Some servers refuse an image with status 500, which alone says nothing. Then the words must deny images, not only mention them.
_SAYS_NO_IMAGES = re.compile(
    r"(image|vision|visual|multi-?modal)\b.{0,40}(unsupported|(not|n't) (be )?(support|accept|allow|enable))"
    r"|(unsupported|(not|n't) (support|accept|allow|handle|take)).{0,40}(image|vision|visual|multi-?modal)"
    r"|not an? (multi-?modal|vision|image)|不支持.{0,20}(图[片像文]|视觉|多模态)"
)


def check_connection(target: ModelEndpoint, *, timeout: float) -> Connection:
    """Whether a chat completion gets through. Raises ProbeFailed."""
    return _connect(Chat(target, Deadline.after(timeout), budget=SMALL_BUDGET))


def check_image(target: ModelEndpoint, *, timeout: float, draw: Draw = secrets.choice) -> ImageResult:
    """Whether the model sees an image. `draw` chooses the colour; tests pass their own."""
    return _look(Chat(target, Deadline.after(timeout)), draw)


def check_json(target: ModelEndpoint, *, timeout: float) -> JSONResult:
    """Whether the model obeys a JSON mode."""
    return _structure(Chat(target, Deadline.after(timeout)))


def check_capabilities(target: ModelEndpoint, *, timeout: float, draw: Draw = secrets.choice) -> Capabilities:
    """The connection within `timeout` seconds, then both capabilities at the same time within as many. Raises ProbeFailed."""
    chat = Chat(target, Deadline.after(timeout), budget=SMALL_BUDGET)
    connection = _connect(chat)
    deadline = Deadline.after(timeout)
    image, structure = chat.another(deadline), chat.another(deadline)
    with ThreadPoolExecutor(1, thread_name_prefix="probe") as thread:
        # The deadline ends the thread too. It gets the request's context, and the language, which Django keeps for each thread.
        seen = thread.submit(copy_context().run, _look_in, get_language(), image, draw)
        obeyed = _structure(structure)
        return Capabilities(connection, seen.result(), obeyed)


def _connect(chat: Chat) -> Connection:
    said = chat.ask(HELLO)
    if isinstance(said, ErrorReply):
        raise chat.failure(said)
    answer = chat.cleaner.answer(said.reply.content or said.reply.reasoning)
    return Connection(answer, said.latency_ms, streams_only=chat.streams or said.reply.is_streamed)


def _look_in(language: str | None, chat: Chat, draw: Draw) -> ImageResult:
    with override(language):
        return _look(chat, draw)


def _look(chat: Chat, draw: Draw) -> ImageResult:
    colour = draw(pictures.COLOURS)
    picture = {"type": "image_url", "image_url": {"url": pictures.data_url(colour)}}
    try:
        said = chat.ask([{"type": "text", "text": WHICH_COLOUR}, picture])
    except ProbeFailed as failed:
        return ImageResult(Capability.UNKNOWN, error=failed.message, counts_as=failed.counts_as)
    if isinstance(said, ErrorReply):
        if _refuses_images(said, chat.target.model):
            return ImageResult(Capability.NO, error=chat.failure(said, sentence=NO_IMAGES).message)
        return ImageResult(Capability.UNKNOWN, error=chat.failure(said).message, counts_as=said.category.counts_as)
    answer = chat.cleaner.answer(said.reply.content) or None
    if pictures.names_colour(said.reply.content, colour):
        return ImageResult(Capability.YES, recognized=True, answer=answer)
    # A model that was cut off, or only thought, has not given a wrong answer: nothing is known.
    if said.reply.is_cut or not answer:
        return ImageResult(Capability.UNKNOWN, answer=answer, error=str(UNFINISHED))
    return ImageResult(Capability.NO, answer=answer, error=str(NOT_SEEN))


def _refuses_images(error: ErrorReply, model: str) -> bool:
    """Whether the error is about the image. The model's own name is taken out first: "vision" in it says nothing."""
    if error.category in HOPELESS or error.complaint.is_html:
        return False
    told = error.complaint.everything
    if _ABOUT_IMAGES.search(model.lower()):
        told = told.replace(model.lower(), " ")
    return bool((_ABOUT_IMAGES if error.is_of_the_request else _SAYS_NO_IMAGES).search(told))


def _structure(chat: Chat) -> JSONResult:
    """A JSON schema first, then the JSON object mode. A last try without a mode proves nothing and is for the report."""
    modes: list[Mapping[str, object]] = [structured.SCHEMA, structured.OBJECT]
    tried: list[JSONResult] = []
    for mode in modes:
        result, is_hopeless = _try_mode(chat, response_format=mode)
        if result.capability is Capability.YES:
            return result
        tried.append(result)
        if is_hopeless:
            return _worst_known(tried)
    plain, _is_hopeless = _try_mode(chat)
    verdict = _worst_known(tried)
    shown = plain if plain.answer else verdict
    return JSONResult(verdict.capability, answer=shown.answer, parsed=shown.parsed, error=verdict.error)


def _worst_known(tried: list[JSONResult]) -> JSONResult:
    """UNKNOWN when one of the modes is unknown, since the model may obey that one; else the last result, which is a no."""
    return next((result for result in tried if result.capability is Capability.UNKNOWN), tried[-1])


def _try_mode(chat: Chat, **mode: object) -> tuple[JSONResult, bool]:
    """What this mode shows, and whether it is of no use to try another."""
    try:
        said = chat.ask(structured.PROMPT, **mode)
    except ProbeFailed as failed:
        return JSONResult(Capability.UNKNOWN, error=failed.message), True
    if isinstance(said, ErrorReply):
        # A model that had no room to answer has not refused the mode.
        if said.is_of_the_request and not said.needs_room and said.category not in HOPELESS:
            return JSONResult(Capability.NO, error=chat.failure(said, sentence=NO_JSON).message), False
        return JSONResult(Capability.UNKNOWN, error=chat.failure(said).message), said.category in HOPELESS
    answer = chat.cleaner.answer(said.reply.content) or None
    found = structured.find_object(said.reply.content)
    if found is not None:
        return JSONResult(Capability.YES, answer=answer, parsed=chat.cleaner.value(found)), False
    if said.reply.is_cut or not answer:
        return JSONResult(Capability.UNKNOWN, answer=answer, error=str(UNFINISHED)), False
    return JSONResult(Capability.NO, answer=answer, error=str(NO_JSON)), False
