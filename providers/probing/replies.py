"""Reading a chat completion: what the model said, what it thought, and whether it was cut short."""

import re
from dataclasses import dataclass
from typing import Any

_THINK = re.compile(r"\s*<(think|thinking|thought|reasoning)>(.*?)(?:</\1>|$)", re.DOTALL | re.IGNORECASE)
# Templates that open the model's thinking themselves leave only its end in the text.
_THINK_END = re.compile(r"^(.*?)</(?:think|thinking)>", re.DOTALL | re.IGNORECASE)
_CUT = ("length", "max_tokens")


@dataclass(frozen=True)
class Reply:
    """The choice that counts. `content` and `reasoning` are a stranger's raw text. `is_streamed`: it came piece by piece."""

    content: str
    reasoning: str
    is_cut: bool
    is_streamed: bool = False

    @property
    def is_something(self) -> bool:
        return bool(self.content or self.reasoning or self.is_cut)


def read_reply(body: object) -> Reply | None:
    """The first choice with content, else the first that says anything; None where there is no list of choices."""
    choices = body.get("choices") if isinstance(body, dict) else None
    if not isinstance(choices, list):
        return None
    replies = [_read_choice(choice) for choice in choices if isinstance(choice, dict)]
    spoken = [reply for reply in replies if reply.content] or [reply for reply in replies if reply.is_something]
    return spoken[0] if spoken else Reply("", "", is_cut=False)


def _read_choice(choice: dict[str, Any]) -> Reply:
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    content, thought = _split(_text(message.get("content")) or _text(message.get("refusal")))
    told = [_text(message.get(name)) for name in ("reasoning_content", "reasoning", "reasoning_details", "thinking")]
    reasoning = next(filter(None, [*told, _thinking_parts(message.get("content")), thought]), "")
    return Reply(content, reasoning.strip(), is_cut=str(choice.get("finish_reason")).lower() in _CUT)


def _split(text: str) -> tuple[str, str]:
    """What was said, and what was thought before it in the same text."""
    thought = _THINK.match(text)
    if thought:
        return text[thought.end() :].strip(), thought[2].strip()
    ended = _THINK_END.match(text)
    if ended:
        return text[ended.end() :].strip(), ended[1].strip()
    return text.strip(), ""


def _text(value: object) -> str:
    """The text of a content: a string, a part, or a list of them."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_text(part) for part in value if isinstance(part, str | dict) and not _is_thinking(part))
    if isinstance(value, dict):
        return next((value[name] for name in ("text", "summary", "content") if isinstance(value.get(name), str)), "")
    return ""


def _is_thinking(part: object) -> bool:
    return isinstance(part, dict) and part.get("type") in ("thinking", "reasoning")


def _thinking_parts(content: object) -> str:
    """Some services send the thoughts as parts of the content."""
    parts = content if isinstance(content, list) else []
    return "".join(_text(part.get("thinking")) or _text(part) for part in parts if _is_thinking(part))
