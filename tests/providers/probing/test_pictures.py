"""The picture is a picture, and answers are read as a person would read them: in English and Chinese, and not too kindly."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.probing import Capability, ModelEndpoint, check_image
from providers.probing.pictures import COLOURS, Colour, data_url, names_colour
from tests.vendor import Vendor, saying

BY_NAME = {colour.name: colour for colour in COLOURS}
CHINESE = {"red": "红", "green": "绿", "blue": "蓝", "yellow": "黄", "orange": "橙", "purple": "紫", "black": "黑", "white": "白"}
TRADITIONAL = {"red": "紅", "green": "綠", "blue": "藍", "yellow": "黃", "orange": "橘"}
SEEN = [
    "{0}",
    "{0}.",
    "**{0}**",
    "_{0}_",
    '"{0}"',
    "“{0}”",
    "{0}!",
    "The colour is {0}.",
    "The color that fills this picture is: {0}",
    "It's {0}.",
    "A solid, bright {0} square.",
    "dark {0}",
    "{0}-coloured",
    '{{"color": "{0}"}}',
    "\\boxed{{{0}}}",
    "{0} ({0})",
    "The image is {0} and doesn't contain any text.",
    "A solid {0} square with no text in it",
    "This is {0}. There are no other colours, and nothing else to see.",
    "\n\n{0}\n",
    "Ｔｈｅ ｃｏｌｏｕｒ： {0}",
    "Le carré est « {0} »",
]
NOT_SEEN = [
    "not {0}",
    "It is not {0}.",
    "It isn't {0}.",
    "It isn’t {0}.",
    "There is no {0} in it.",
    "Neither {0} nor anything else.",
    "Is it {0}?",
    "I cannot see images, but many are {0}.",
    "I can't view the picture. {0}!",
    "I am unable to see images. {0}",
    "I don't see an image. Perhaps {0}.",
    "I do not have the ability to view pictures: {0}",
    "As a text-based AI I would say {0}.",
    "As a large language model, {0}.",
    "No image was attached, so {0}.",
    "If I had to guess: {0}.",
    "It might be {0}.",
    "Maybe {0}",
    "Please upload the picture, for example a {0} one.",
    "Colours such as {0}",
    "The image was not provided. {0}",
    "我无法看到图片，{0}",
    "我看不到图片。{0}",
    "请上传图片，例如{0}的。",
    "我猜是{0}",
]
CHINESE_SEEN = ["{0}", "{0}色", "{0}色。", "这张图片是{0}色的。", "图片的颜色是：**{0}色**", "答案:{0}", "纯{0}色(非常鲜艳)"]
CHINESE_NOT_SEEN = ["不是{0}色", "没有{0}色", "我看不见，{0}色", "可能是{0}色", "是{0}色吗？", "非{0}色"]
EVERY_COLOUR = pytest.mark.parametrize("colour", COLOURS, ids=lambda colour: colour.name)


@pytest.mark.parametrize("template", SEEN)
def test_seen_in_english(template: str) -> None:
    for colour in COLOURS:
        for name in (colour.name, colour.name.upper(), colour.name.capitalize()):
            assert names_colour(template.format(name), colour)
            assert not any(names_colour(template.format(name), other) for other in COLOURS if other != colour)


@pytest.mark.parametrize("template", CHINESE_SEEN)
def test_seen_in_chinese(template: str) -> None:
    for colour in COLOURS:
        for names in (CHINESE, TRADITIONAL):
            if name := names.get(colour.name):
                assert names_colour(template.format(name), colour)
                assert not any(names_colour(template.format(name), other) for other in COLOURS if other != colour)


@pytest.mark.parametrize("template", NOT_SEEN)
def test_denied_guessed_or_blind(template: str) -> None:
    for colour in COLOURS:
        assert not names_colour(template.format(colour.name), colour)


@pytest.mark.parametrize("template", CHINESE_NOT_SEEN)
def test_denied_guessed_or_blind_in_chinese(template: str) -> None:
    for colour in COLOURS:
        assert not names_colour(template.format(CHINESE[colour.name]), colour)


@pytest.mark.parametrize(
    "template",
    ["{0} and {1}", "{0} or {1}", "not {0} but {1}", "It is {1}, not {0}.", "{0}, {1}", "a {0}-{1} gradient", "{0} on {1}"],
)
def test_several_colours_name_none(template: str) -> None:
    for one, other in itertools.permutations(COLOURS, 2):
        answer = template.format(one.name, other.name)
        assert not names_colour(answer, one), answer
        assert not names_colour(answer, other), answer


def test_a_list_of_all_names_none() -> None:
    for everything in (", ".join(BY_NAME), "".join(CHINESE.values())):
        assert not any(names_colour(everything, colour) for colour in COLOURS)


WORDS: list[tuple[str, str, bool]] = [
    ("crimson", "red", True),
    ("navy blue", "blue", True),
    ("lime green", "green", True),
    ("violet", "purple", True),
    ("Yellowish", "yellow", True),
    ("金黄色", "yellow", True),
    ("这是红的", "red", True),
    ("The picture was rendered by Fred and shared.", "red", False),
    ("hundreds of incredible things", "red", False),
    ("evergreen", "green", False),
    ("blueprint", "blue", False),
    ("whiteboard", "white", False),
    ("我明白了", "white", False),
    ("我明白了，是红色", "red", True),
    ("pink", "red", False),
    ("粉红色", "red", False),
    ("reddish brown", "red", False),
    ("青色", "green", False),
    ("grey", "black", False),
    ("light grey, almost white", "white", False),
    ("#FF0000", "red", False),
    ("OK", "red", False),
    ("", "red", False),
    ("Hello! How can I help you today?", "white", False),
]


@pytest.mark.parametrize(("answer", "name", "expected"), WORDS)
def test_single_words(answer: str, name: str, expected: bool) -> None:
    assert names_colour(answer, BY_NAME[name]) is expected


NAMES = st.sampled_from([*BY_NAME, *CHINESE.values(), *TRADITIONAL.values()])


@given(st.lists(st.one_of(st.text(max_size=40), NAMES), max_size=12).map("".join))
def test_whatever_is_said_names_one_colour_at_most(text: str) -> None:
    assert sum(names_colour(text, colour) for colour in COLOURS) <= 1


@given(st.lists(st.sampled_from([*BY_NAME, *CHINESE.values(), "not", "is", "it", "a", "，", ". "]), max_size=8))
def test_words_in_any_order_name_the_only_colour_or_none(words: list[str]) -> None:
    answer = " ".join(words)
    mentioned = {name for name in BY_NAME if name in words or CHINESE[name] in words}
    named = {colour.name for colour in COLOURS if names_colour(answer, colour)}
    assert named <= mentioned
    assert not named or len(mentioned) == 1
    if "not" not in words and len(mentioned) == 1:
        assert named == mentioned


@given(st.sampled_from(COLOURS), st.text(max_size=200_000 // 1000))
def test_reading_never_fails(colour: Colour, text: str) -> None:
    assert names_colour(text * 1000, colour) in (True, False)


def test_the_colours_are_clearly_different() -> None:
    assert len(COLOURS) >= 6
    for one, other in itertools.combinations(COLOURS, 2):
        assert sum(abs(a - b) for a, b in zip(one.rgb, other.rgb, strict=True)) >= 120, (one.name, other.name)


@EVERY_COLOUR
def test_the_picture(colour: Colour, vendor: Vendor, target: ModelEndpoint) -> None:
    def draw(colours: Sequence[Colour]) -> Colour:
        assert tuple(colours) == COLOURS
        return colour

    # The vendor reads the picture itself, checks its sums, and says what it sees.
    found = check_image(target, timeout=5, draw=draw)
    (received,) = vendor.requests
    width, height, pixels = received.picture()
    assert (width, height, set(pixels)) == (112, 112, {colour.rgb})
    assert (found.capability, found.recognized, found.answer) == (Capability.YES, True, f"{colour.name.capitalize()}.")


def test_the_colour_is_drawn_at_random(vendor: Vendor, target: ModelEndpoint) -> None:
    for _look in range(25):
        check_image(target, timeout=5)
    drawn = {received.colour() for received in vendor.requests}
    # Eight colours, 25 draws: to see but three of them has a chance of one in a thousand millions.
    assert len(drawn) > 3


def test_a_vendor_that_always_says_the_same_is_found_out(vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(image=saying("Blue"))
    drawn = iter(COLOURS)
    found = [check_image(target, timeout=5, draw=lambda colours: next(drawn)).recognized for _colour in COLOURS]
    assert [colour.name for colour, recognized in zip(COLOURS, found, strict=True) if recognized] == ["blue"]


def test_the_url_is_small() -> None:
    assert all(len(data_url(colour)) < 500 for colour in COLOURS)
