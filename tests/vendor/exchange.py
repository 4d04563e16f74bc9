"""One request to the scripted vendor and the connection that it came by."""

import base64
import json
import socket
import struct
import threading
import zlib
from dataclasses import dataclass
from typing import Any

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 500: "Internal Server Error"}
# The colours that may be drawn, by the names that people give them.
COLOURS = {
    (255, 0, 0): "red",
    (0, 160, 0): "green",
    (0, 0, 255): "blue",
    (255, 255, 0): "yellow",
    (255, 128, 0): "orange",
    (128, 0, 128): "purple",
    (0, 0, 0): "black",
    (255, 255, 255): "white",
}


@dataclass(frozen=True)
class Received:
    """Header names are in lower case; `at` is of the monotonic clock."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any] | None
    at: float

    @property
    def kind(self) -> str:
        """chat, image, json or models, by what is asked for."""
        if self.path.split("?")[0].endswith("/models"):
            return "models"
        text = json.dumps(self.body)
        if "image_url" in text:
            return "image"
        return "json" if "response_format" in text or "json" in text.lower() else "chat"

    @property
    def key(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    def picture(self) -> tuple[int, int, list[tuple[int, int, int]]]:
        """Width, height and the pixels of the PNG that was sent. Reads what an 8-bit RGB PNG without filters has."""
        assert self.body is not None
        (url,) = [part["image_url"]["url"] for part in self.body["messages"][0]["content"] if part["type"] == "image_url"]
        scheme, _comma, encoded = url.partition(",")
        assert scheme == "data:image/png;base64"
        png = base64.b64decode(encoded, validate=True)
        assert png[:8] == b"\x89PNG\r\n\x1a\n"
        chunks, at = {}, 8
        while at < len(png):
            (length,) = struct.unpack(">I", png[at : at + 4])
            name, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
            assert struct.unpack(">I", png[at + 8 + length : at + 12 + length]) == (zlib.crc32(name + content),)
            chunks[name] = content
            at += 12 + length
        width, height, *form = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
        assert form == [8, 2, 0, 0, 0], "eight bits, RGB, not interlaced"
        lines = zlib.decompress(chunks[b"IDAT"])
        stride = 1 + 3 * width
        assert len(lines) == stride * height
        rows = [lines[start : start + stride] for start in range(0, len(lines), stride)]
        assert {row[0] for row in rows} == {0}
        return width, height, [(row[x], row[x + 1], row[x + 2]) for row in rows for x in range(1, stride, 3)]

    def colour(self) -> str:
        """What somebody with eyes says that the picture shows."""
        _width, _height, pixels = self.picture()
        (pixel,) = set(pixels)
        return COLOURS[pixel]


@dataclass(frozen=True)
class Exchange:
    """Answers by the bare socket, so that answers may be as broken as they like."""

    received: Received
    connection: socket.socket
    closing: threading.Event

    def send(self, body: bytes, *, status: int = 200, content_type: str = "application/json", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        fields = {"Content-Type": content_type, "Content-Length": str(len(body)), "Connection": "close"} | named
        self.write(head(status, fields) + body)

    def json(self, value: object, *, status: int = 200, **headers: str) -> None:
        self.send(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"), status=status, **headers)

    def write(self, data: bytes) -> None:
        self.connection.sendall(data)

    def wait(self, seconds: float) -> bool:
        """Wait, but no longer than the vendor lives. False when it ended."""
        return not self.closing.wait(seconds)

    def reset(self) -> None:
        """Break the connection so that the other side sees it."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def head(status: int, fields: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
