"""Files as Chromium takes them: pictures and PDFs are seen, and nothing that hides in a file ever runs."""

import base64
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Error as ChromiumError

from tests.e2e.chromium import Visit, launched, window
from tests.e2e.served import Browser as Person
from tests.e2e.served import Platform, served

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("chromium")]

SCRIPT = "console.log('it ran in ' + origin)"
# Counts the red dots of a picture.
COUNT = """async data => {
    const picture = new Image(); picture.src = 'data:image/png;base64,' + data; await picture.decode();
    const canvas = document.createElement('canvas'); canvas.width = picture.width; canvas.height = picture.height;
    const context = canvas.getContext('2d'); context.drawImage(picture, 0, 0);
    const dots = context.getImageData(0, 0, picture.width, picture.height).data;
    let red = 0;
    for (let at = 0; at < dots.length; at += 4) red += dots[at] > 200 && dots[at + 1] < 60 && dots[at + 2] < 60;
    return red }"""


def png(side: int = 200) -> bytes:
    """A red square."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    lines = zlib.compress((b"\0" + b"\xff\0\0" * side) * side)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


def pdf() -> bytes:
    """One red page."""
    drawing = b"1 0 0 rg 0 0 400 400 re f"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 400]/Contents 4 0 R>>",
        b"<</Length %d>>stream\n%b\nendstream" % (len(drawing), drawing),
    ]
    made, places = b"%PDF-1.4\n", b""
    for number, each in enumerate(objects, 1):
        places += b"%010d 00000 n \n" % len(made)
        made += b"%d 0 obj%bendobj\n" % (number, each)
    end = b"trailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(made)
    return made + b"xref\n0 5\n0000000000 65535 f \n" + places + end


HTML = f'<!doctype html><title>x</title><script>{SCRIPT}</script><img src=x onerror="{SCRIPT}">'.encode()
SVG = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{SCRIPT}"><script>{SCRIPT}</script></svg>'.encode()
XHTML = f'<?xml version="1.0"?><x:script xmlns:x="http://www.w3.org/1999/xhtml">{SCRIPT}</x:script>'.encode()
# What it is, by the name that somebody gave it.
LIES = {
    "page.png": HTML,
    "page.txt": HTML,
    "late.txt": b"only a text\n" + HTML,
    "drawing.png": SVG,
    "drawing.svg": b"<?xml version='1.0'?>\n<!-- a comment -->\n" + SVG,
    "data.xml": XHTML,
    "script.jpeg": f"{SCRIPT};".encode(),
    "gif-and-script.gif": f"GIF89a/*{chr(0) * 8}*/=1;{SCRIPT}".encode(),
    "picture-and-page.jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + HTML,
    "picture-and-page.png": png(8) + HTML,
    "pdf-and-page.pdf": b"%PDF-1.4\n" + HTML + pdf()[9:],
    "wide.html": b"\xff\xfe" + HTML.decode().encode("utf-16-le"),
    "utf-7.txt": b"+ADw-script+AD4-" + SCRIPT.encode() + b"+ADw-/script+AD4-",
}


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with served() as platform:
        yield platform


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@dataclass
class Files:
    """Uploads of somebody's program, each with a type that it only claims."""

    platform: Platform
    person: Person

    def kept(self, name: str, content: bytes) -> str:
        """The address of the file."""
        sent = self.person.send("POST", "/api/oss/upload", files={"file": (name, content, "image/png")})
        assert sent.json()["code"] == 200, sent.text
        return str(sent.json()["data"]["url"])


@pytest.fixture(scope="module")
def files(platform: Platform) -> Files:
    return Files(platform, platform.admin())


def show(one: Visit, body: str) -> None:
    """A page of our own origin, without any policy: nothing but the file's own headers protects it."""
    one.page.route("**/page-of-this-origin", lambda route: route.fulfill(content_type="text/html", body=body))
    one.page.goto(f"{one.base}/page-of-this-origin", wait_until="load")


def red_dots(one: Visit, browser: Browser, *, wanted: int) -> int:
    """In the window, once there are so many."""
    deadline = time.monotonic() + 20
    with window(browser, one.base) as other:
        while True:
            picture = base64.b64encode(one.page.screenshot()).decode()
            dots = int(other.page.evaluate(COUNT, picture))
            if dots >= wanted or time.monotonic() > deadline:
                return dots


@pytest.mark.parametrize(("name", "content", "wanted"), [("red.png", png(), 40_000), ("red.pdf", pdf(), 50_000)])
@pytest.mark.parametrize("framed", [False, True], ids=["opened", "framed"])
def test_a_picture_and_a_pdf_are_seen(
    *, name: str, content: bytes, wanted: int, framed: bool, files: Files, browser: Browser
) -> None:
    address = files.kept(name, content)
    with window(browser, files.platform.base) as one:
        if framed:
            show(one, f'<!doctype html><iframe src="{address}" width=600 height=500></iframe>')
        else:
            one.page.goto(address)
        dots = red_dots(one, browser, wanted=wanted)
        one.picture(f"file-{name}-{'framed' if framed else 'opened'}")
        assert dots >= wanted
        # The icon of the site, which there is none of.
        assert [trouble for trouble in one.troubles if "404" not in trouble] == []


USES = {
    "framed": '<iframe src="{0}"></iframe>',
    "as a script": '<script src="{0}"></script>',
    "as a module": '<script type="module" src="{0}"></script>',
    "as a worker": '<script>try {{ new Worker("{0}") }} catch {{}}</script>',
    "as a style": '<link rel="stylesheet" href="{0}">',
    "as an object": '<object data="{0}"></object>',
    "as an embed": '<embed src="{0}">',
    "as a picture": '<img src="{0}">',
}
ALL_USES = "<!doctype html>" + "".join(USES.values())


def what_ran(one: Visit) -> list[str]:
    ran: list[str] = []
    one.page.on("console", lambda line: ran.append(line.text) if "it ran" in line.text else None)
    return ran


@pytest.mark.parametrize("name", LIES)
def test_nothing_in_a_file_runs(name: str, files: Files, browser: Browser) -> None:
    address = files.kept(name, LIES[name])
    with window(browser, files.platform.base) as one:
        ran = what_ran(one)
        with suppress(ChromiumError):  # What is saved is no page that could be gone to.
            one.page.goto(address)
        show(one, ALL_USES.format(address))
        registered = "address => navigator.serviceWorker.register(address).then(() => true, () => false)"
        assert one.page.evaluate(registered, address) is False
        one.page.wait_for_load_state("networkidle")
        assert ran == []


def test_without_our_headers_it_would_run(files: Files, browser: Browser) -> None:
    """So the test above could fail: the same uses, of the same page and script, served as anybody else would."""
    with window(browser, files.platform.base) as one:
        ran = what_ran(one)
        one.page.route("**/a-page", lambda route: route.fulfill(content_type="text/html", body=HTML.decode()))
        one.page.route("**/a-script", lambda route: route.fulfill(content_type="text/javascript", body=f"{SCRIPT};"))
        one.page.goto(f"{one.base}/a-page")
        opened = len(ran)
        show(one, ALL_USES.format("/a-page"))
        framed = len(ran)
        show(one, ALL_USES.format("/a-script"))
        assert 0 < opened < framed < len(ran)


def test_another_origin_cannot_frame_a_file(files: Files, browser: Browser) -> None:
    address = files.kept("red.png", png())
    with window(browser, "http://localhost:1") as one:
        show(one, f'<!doctype html><iframe src="{address}" width=600 height=500></iframe>')
        one.page.wait_for_load_state("networkidle")
        assert [frame.url for frame in one.page.frames[1:]] == ["chrome-error://chromewebdata/"]
        assert red_dots(one, browser, wanted=0) == 0
