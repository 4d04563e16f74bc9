"""The models that an endpoint says it has."""

from itertools import islice
from typing import Any

from django.utils.translation import gettext_lazy as _

from providers.probing import complaints
from providers.probing.calls import Line
from providers.probing.categories import category_of, status_within
from providers.probing.chat import error_reply_of
from providers.probing.results import Category, ModelEndpoint, ProbeFailed
from providers.probing.vendor_text import Cleaner
from sage_platform.outbound import Deadline

MOST_MODELS = 1000
MOST_FIELDS = 10
LONGEST_TEXT = 300
NO_LIST = _("This service does not list its models. Type the model's name, or check the base URL; it often ends in /v1.")


def list_models(target: ModelEndpoint, *, timeout: float) -> list[dict[str, Any]]:
    """`[{id, …}]`: what the vendor says of each model, but for nested values and long texts; each id once.

    Raises ProbeFailed.
    """
    answer = Line(target, Deadline.after(timeout)).get("models")
    cleaner = Cleaner(target.api_key)
    if answer.status != 200:
        error = error_reply_of(answer, model=target.model)
        missing = answer.status in (404, 405) and error.category in (Category.NOT_OPENAI, Category.MODEL)
        category = Category.NOT_OPENAI if missing else error.category
        detail = cleaner.detail(error.complaint.words)
        raise ProbeFailed(category, sentence=NO_LIST if missing else error.sentence, detail=detail)
    is_json, body = complaints.parse(answer.content)
    models = _models(body)
    if models is None:
        complaint = complaints.read(answer.content)
        is_complaint = is_json and complaints.is_complaint(body)
        status = status_within(complaint)
        category = category_of(status, complaint, model=target.model) if is_complaint else Category.NOT_OPENAI
        raise ProbeFailed(category, detail=cleaner.detail(complaint.words))
    once = {item["id"]: item for item in models if isinstance(item, dict) and _is_model(item)}
    shown = (_shown(item, cleaner) for item in islice(once.values(), MOST_MODELS))
    return list({model["id"]: model for model in shown}.values())


def _models(body: object) -> list[object] | None:
    """`{data: […]}` as OpenAI has it, or the bare list that some services send. Servers in Go say null for an empty list."""
    found = body.get("data") if isinstance(body, dict) else body
    if found is None and isinstance(body, dict) and body.get("object") == "list" and not complaints.is_complaint(body):
        return []
    if not isinstance(found, list) or complaints.is_complaint(found):
        return None
    return found


def _is_model(item: dict[str, Any]) -> bool:
    return isinstance(item.get("id"), str) and bool(item["id"]) and _is_short(item["id"])


def _shown(item: dict[str, Any], cleaner: Cleaner) -> dict[str, Any]:
    short = [(name, value) for name, value in item.items() if name != "id" and _is_short(name) and _is_short(value)]
    fields = {cleaner.answer(name): cleaner.value(value) for name, value in short[:MOST_FIELDS]}
    shown = {"id": cleaner.answer(item["id"])}
    # The id is put in first for the order, and again at the end, since cleaning may turn another field's name into "id".
    return shown | fields | shown


def _is_short(value: object) -> bool:
    return len(value) <= LONGEST_TEXT if isinstance(value, str) else not isinstance(value, dict | list)
