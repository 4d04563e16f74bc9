"""Addresses at which what must not happen does, in each place where it can, with a secret in every variable."""

import threading
import warnings
from collections.abc import Iterable, Iterator
from logging import getLogger

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from sage_platform import urls
from sage_platform.api import seams
from sage_platform.telemetry.requests import observed

SECRET = "planted-in-a-variable"


def fail(secret: str) -> None:
    held = {"password": secret}
    raise RuntimeError(f"a bug with {len(held)} variable\nand two lines")


def pieces(secret: str = SECRET) -> Iterator[bytes]:
    yield b"the first piece"
    fail(secret)


@csrf_exempt
def crash(request: HttpRequest, how: str) -> HttpResponseBase:
    token = request.GET["token"]
    if how == "view":
        fail(token)
    if how == "stream":
        return StreamingHttpResponse(pieces(), headers={"Content-Length": "40"})
    if how == "thread":
        thread = threading.Thread(target=fail, args=(token,))
        thread.start()
        thread.join()
    if how == "warning":
        warnings.warn("a library warns", stacklevel=1)
    if how == "library":
        getLogger("some.library").warning("a library\nsays %s", "something")
    return HttpResponse("well")


def in_front(environ: seams.Environ, start_response: object) -> Iterable[bytes] | None:
    observed(environ).request_id = environ["HTTP_X_REQUEST_ID"]
    fail(environ["QUERY_STRING"])
    return None


seams.front_answers.register("/crash-in-front", in_front)
urlpatterns = [*urls.urlpatterns, path("crash/<str:how>", crash)]
handler400, handler403, handler404, handler500 = urls.handler400, urls.handler403, urls.handler404, urls.handler500
