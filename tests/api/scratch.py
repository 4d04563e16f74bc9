"""Routes that exist only in tests: views that take each kind of body, answer in each way, and fail in each way."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.urls import path
from msgspec import Meta, Struct, to_builtins
from rest_framework import serializers
from rest_framework.request import Request

from sage_platform import urls
from sage_platform.api.bodies import FORM, UnreadForm, multipart
from sage_platform.api.errors import TooManyRequests
from sage_platform.api.fields import Boolean, Choice, JSONObject, Nothing, QueryInteger, Secret, Text
from sage_platform.api.permissions import Anyone
from sage_platform.api.structs import text
from sage_platform.api.viewsets import ApiViewSet, HotView, endpoint
from sage_platform.cache_errors import CacheAwayError

SECRET_TEXT = "SELECT password FROM users; /srv/private/key"
BREAKS: dict[str, type[Exception]] = {
    "crash": RuntimeError,
    "database": OperationalError,
    "connection": InterfaceError,
    "cache": CacheAwayError,
}


MOST_BYTES = 1000


def stream() -> Iterator[bytes]:
    yield b"one "
    yield b"two "
    yield b"three"


# Responses that an action makes for itself.
WHOLE: dict[str, Callable[[], HttpResponseBase]] = {
    "empty": lambda: HttpResponse(status=204),
    "found": lambda: HttpResponseRedirect("https://sage.example/elsewhere?a=1&b=2"),
    "same-method": lambda: HttpResponseRedirect("/elsewhere", status=307),
    "text": lambda: HttpResponse("plain", content_type="text/plain", headers={"Cache-Control": "max-age=60"}),
    "stream": lambda: StreamingHttpResponse(stream(), content_type="application/x-scratch", headers={"ETag": '"scratch"'}),
}


class Inner(serializers.Serializer[Any]):
    flag = Boolean()


class EveryField(serializers.Serializer[Any]):
    text = Text(max_length=20)
    secret = Secret(max_length=20, required=False)
    flag = Boolean(required=False)
    choice = Choice(["red", "green"], required=False)
    free = JSONObject(required=False)
    inner = Inner(required=False)
    many = Inner(many=True, required=False)  # type: ignore[assignment]


class Part(Struct):
    count: Annotated[int, Meta(ge=1, le=9, description="How many.")]
    name: Annotated[str, text(1, 20)] | None = None


class Whole(Struct):
    """A body of many parts."""

    parts: Annotated[list[Part], Meta(min_length=1, max_length=3)]
    name: Annotated[Annotated[str, text(0, 20)], Meta(description="What it is called.")] | None = None
    kind: Literal["red", "green"] = "red"
    number: int | None = None
    at: Annotated[datetime, Meta(tz=True, description="When.")] | None = None
    day: date | None = None


class Query(serializers.Serializer[Any]):
    number = QueryInteger(min_value=1, max_value=100)


class FormInput(serializers.Serializer[Any]):
    text = Text(max_length=20)


class FileInput(serializers.Serializer[Any]):
    text = Text(max_length=20, required=False)
    file = serializers.FileField()


class ScratchViewSet(ApiViewSet):
    tag = "scratch"

    @endpoint(who=Anyone, takes=EveryField, gives=Nothing, summary="Answers what it was sent")
    def echo(self, request: Request, data: dict[str, Any]) -> Any:
        return data

    @endpoint(who=Anyone, takes=Whole, gives=Nothing, summary="Answers the struct that it made of what it was sent")
    def struct(self, request: Request, whole: Whole) -> Any:
        return to_builtins(whole)

    @endpoint(who=Anyone, query=Query, gives=Nothing, summary="Answers the number it was sent")
    def number(self, request: Request, query: dict[str, Any]) -> Any:
        return query

    @endpoint(who=Anyone, takes=FormInput, body=FORM, gives=Nothing, summary="Answers the form it was sent")
    def form(self, request: Request, data: dict[str, Any]) -> Any:
        return data

    @endpoint(who=Anyone, takes=FileInput, body=multipart(lambda: MOST_BYTES), gives=Nothing, summary="Tells of a file")
    def file(self, request: Request, form: UnreadForm) -> Any:
        return {
            "boundary": form.boundary,
            "length": form.length,
            "pieces": [piece.decode() for piece in iter(lambda: form.read(64), b"")],
        }

    @endpoint(who=Anyone, gives=Nothing, summary="Answers for itself")
    def whole(self, request: Request, how: str) -> HttpResponseBase:
        return WHOLE[how]()

    @endpoint(who=Anyone, gives=Nothing, summary="Answers that it is too soon")
    def too_soon(self, request: Request, seconds: str) -> Any:
        raise TooManyRequests(float(seconds))

    @endpoint(who=Anyone, gives=Nothing, summary="Breaks")
    def broken(self, request: Request, how: str) -> Any:
        raise BREAKS[how](SECRET_TEXT)


class HotBroken(HotView):
    tag = "scratch"

    def get(self, request: HttpRequest, *args: object, how: str = "", **kwargs: object) -> HttpResponse:
        raise BREAKS[how](SECRET_TEXT)


def broken_page(request: HttpRequest, how: str) -> HttpResponse:
    raise BREAKS[how](SECRET_TEXT)


urlpatterns = [
    path("api/echo", ScratchViewSet.as_view({"post": "echo"})),
    path("api/struct", ScratchViewSet.as_view({"post": "struct"})),
    path("api/form", ScratchViewSet.as_view({"post": "form"})),
    path("api/file", ScratchViewSet.as_view({"post": "file"})),
    path("api/whole/<str:how>", ScratchViewSet.as_view({"get": "whole"})),
    path("api/number", ScratchViewSet.as_view({"get": "number"})),
    path("api/throttled/<str:seconds>", ScratchViewSet.as_view({"get": "too_soon"})),
    path("api/broken/<str:how>", ScratchViewSet.as_view({"get": "broken"})),
    path("api/hot/<str:how>", HotBroken.as_view()),
    path("page/<str:how>", broken_page),
    *urls.urlpatterns,
]
# As in the platform's own urlconf.
handler400 = "sage_platform.api.handlers.bad_request"
handler403 = "sage_platform.api.handlers.forbidden"
handler404 = "sage_platform.api.handlers.not_found"
handler500 = "sage_platform.api.handlers.server_error"
