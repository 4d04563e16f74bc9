"""A picture of one colour, and reading from an answer in English or Chinese whether that colour was seen."""

import base64
import re
import struct
import unicodedata
import zlib
from dataclasses import dataclass

# Pixels. Some models refuse smaller pictures. Models cut pictures into patches of 14, 16 or 28: a multiple of these costs least.
SIDE = 112


@dataclass(frozen=True)
class Colour:
    """`names` are regular expressions: English words whole, Chinese characters wherever they stand."""

    name: str
    rgb: tuple[int, int, int]
    names: str


# Clearly different ones, so that no honest answer fits two of them. The more there are, the less a guess is worth.
COLOURS = (
    Colour("red", (255, 0, 0), r"reddish|red|crimson|scarlet|红|紅|赤"),
    Colour("green", (0, 160, 0), r"greenish|green|lime|emerald|绿|綠"),
    Colour("blue", (0, 0, 255), r"bluish|blue|navy|cobalt|azure|ultramarine|蓝|藍"),
    Colour("yellow", (255, 255, 0), r"yellowish|yellow|黄|黃"),
    Colour("orange", (255, 128, 0), r"orange|橙|橘"),
    Colour("purple", (128, 0, 128), r"purplish|purple|violet|紫"),
    Colour("black", (0, 0, 0), r"black|黑"),
    Colour("white", (255, 255, 255), r"white|白"),
)
# Colours that are never drawn: an answer that names one of these beside the right one does not count.
OTHERS = (
    r"pink|magenta|fuchsia|brown|gr[ae]y|silver|gold|golden|cyan|teal|turquoise|aqua|beige|maroon|indigo|tan"
    r"|粉|棕|褐|灰|青|银|金色|米色"
)
# Chinese words that contain a colour's character and do not mean the colour: they are dropped before colours are looked for.
_NO_COLOUR = re.compile(r"明白|坦白|空白|表白|白天|蓝图|红包|红绿灯")
_WIDE = re.compile(r"[\u4e00-\u9fff]")
# What says that no picture was seen, or that what follows is a guess or an example.
_BLIND = re.compile(
    r"""(can(no|')?t|can\snot|unable\sto|could(n't|\snot)|not\sable\sto|(no|the)\sability\sto)\s(\w+\s){0,3}?
        (see|view|access|look|process|analy[sz]e|perceive|interpret|identify|determine|tell|open|display|detect|find)
    |(do|did|does)(n't|\snot)\s(\w+\s){0,3}?(see|have|receive|get|support|know|process)\s(\w+\s){0,4}?
        (images?|pictures?|photos?|attachments?|access|ability|vision|eyes|colou?r)
    |\bno\s(\w+\s)?(image|picture|photo|attachment)
    |(image|picture|photo)\s(was|is|has|did)(n't|\snot)\s(\w+\s)?(attach|provid|includ|upload|load|visible|available|come|arrive)
    |(please|could\syou|can\syou)\s(\w+\s){0,3}?(upload|provide|share|attach|send|describe)
    |text[ -](only|based)|language\smodel|guess|imagin|assum|\bperhaps\b|\bmaybe\b|\bmight\b
    |for\s(example|instance)|\be\.g\.|such\sas
    |无法|不能|看不到|看不见|没有看到|没看到|没有(收到|图|提供)|未(收到|提供|看到)|请(上传|提供|发送|描述)|猜|假设|可能|比如|例如|语言模型
    """,
    re.VERBOSE,
)
# Question marks stay with their clause, because _NEGATION looks for them: who asks for a colour does not name it.
_BETWEEN_CLAUSES = re.compile(r"[.!;,:。！；，：\n]|\b(?:and|with)\b|(?<=[?？])")
_NEGATION = re.compile(r"\b(not|no|never|neither|nor|nothing|none|hardly)\b|n't\b|不|没|非(?!常)|未|并无|[?？]$")
MOST_READ = 4000


def data_url(colour: Colour) -> str:
    """The picture as RGB PNG (8 bits, no alpha, no interlace) in a data URL."""
    row = b"\0" + bytes(colour.rgb) * SIDE
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(row * SIDE, 9)), (b"IEND", b"")]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)
    return "data:image/png;base64," + base64.b64encode(png).decode()


def names_colour(answer: str, colour: Colour) -> bool:
    """Whether the answer names this colour and no other, without denying it and without saying that it saw nothing."""
    text = unicodedata.normalize("NFKC", answer[:MOST_READ]).lower().replace("’", "'")
    text = _NO_COLOUR.sub(" ", text)
    if _BLIND.search(text) or colours_in(text) != {colour.name}:
        return False
    return all(not _NEGATION.search(clause) for clause in _BETWEEN_CLAUSES.split(text) if colours_in(clause))


def colours_in(text: str) -> set[str]:
    """The names of all colours in a text in lower case. Those that we never draw all count as "another"."""
    return {name for name, pattern in _PATTERNS.items() if pattern.search(text)}


def _pattern(names: str) -> "re.Pattern[str]":
    # Only a letter beside the word makes it another word; underscores and digits are markup, as in `__red__`.
    english = "|".join(name for name in names.split("|") if not _WIDE.search(name))
    chinese = "|".join(name for name in names.split("|") if _WIDE.search(name))
    return re.compile(rf"(?<![a-z])(?:{english})(?![a-z])|(?:{chinese})")


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


_PATTERNS = {each.name: _pattern(each.names) for each in COLOURS} | {"another": _pattern(OTHERS)}
