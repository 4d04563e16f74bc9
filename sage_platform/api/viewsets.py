"""The base of every API view and the decorator that states, for each action, who may call it, what it takes and what it gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import translation
from drf_spectacular.utils import extend_schema
from msgspec import Struct
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from sage_platform.api.bodies import JSON, BodyKind, FilesKind
from sage_platform.api.documentation import DocumentedRefusal, Gives, SerializerClass, Takes, describe
from sage_platform.api.envelope import envelope_response
from sage_platform.api.handlers import answer, as_api_error, for_who_asks, prefers_page, refuse_method
from sage_platform.api.languages import TAGS, language_of
from sage_platform.api.permissions import Anyone, Nobody
from sage_platform.api.structs import checked


@dataclass(frozen=True)
class ActionSpec:
    """What `endpoint` states of an action. The action keeps it as its attribute `endpoint`, and `ApiViewSet.stated` reads it."""

    who: type[BasePermission]
    takes: Takes | None
    body: BodyKind
    query: SerializerClass | None
    # The scope that opens the route to a third party's token; empty where no such token does.
    scope: str = ""


def endpoint(
    *,
    who: type[BasePermission],
    gives: Gives,
    takes: Takes | None = None,
    body: BodyKind = JSON,
    query: SerializerClass | None = None,
    summary: str,
    refusals: Sequence[DocumentedRefusal] = (),
    scope: str = "",
) -> Callable[[Callable[..., Any]], Callable[..., HttpResponseBase]]:
    """Declare an action: `method(self, request, [data], [asked], **path)` returns the envelope's payload, or a whole response.

    `data` is what `takes`, a serializer class or a `msgspec.Struct`, made of a body of the kind `body`; of a form with files it
    is the form itself, unread (`bodies.UnreadForm`). `asked` is what `query` made of the query string. A response (a redirect,
    a 204, a file) is passed through as it is. The order of refusals is that of docs/api.md#statuses: who may call, then media
    type, length, and content.
    """

    def decorate(action: Callable[..., Any]) -> Callable[..., HttpResponseBase]:
        spec = ActionSpec(who=who, takes=takes, body=body, query=query, scope=scope)

        @wraps(action)
        def run(self: ApiViewSet, request: Request, *args: object, **kwargs: object) -> HttpResponseBase:
            payload = action(self, request, *self.read(request, spec), *args, **kwargs)
            return payload if isinstance(payload, HttpResponseBase) else envelope_response(request._request, payload)

        run.endpoint = spec  # type: ignore[attr-defined]
        schema = describe(who=who, gives=gives, takes=takes, body=body, query=query, summary=summary, refusals=refusals)
        return extend_schema(**schema)(run)

    return decorate


class ApiViewSet(ViewSet):
    """A viewset whose routes map methods to actions, each declared by `endpoint`.

    `tag` is the heading under which the OpenAPI document shows them; each subclass states one.
    """

    tag: str
    http_method_names = ["get", "post", "put", "patch", "delete", "head"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """As the REST framework's own, in the order of docs/api.md#statuses, and without what this API has only one of.

        There is one renderer, one version and no throttle of the framework's, so that nothing is negotiated. That is a tenth of
        the time of a call.
        """
        self.action = self.action_map.get((request.method or "").lower(), "")
        spec = self.stated
        if spec is None:
            return refuse_method(request, ", ".join(sorted(method.upper() for method in self.action_map)))
        self.request = asked = Request(request, authenticators=self.get_authenticators(), parser_context={"view": self})
        try:
            self.check_permissions(asked)
            response: HttpResponseBase = getattr(self, self.action)(asked, *args, **kwargs)
        except Exception as error:
            if (refusal := as_api_error(error)) is None:
                raise
            response = answer(request, refusal)
        # Answers hold tokens and people's data: no cache keeps them (RFC 6749 §5.1).
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def judged_method(self, request: HttpRequest) -> str:
        """The method by which the rule about other sites' pages judges the call."""
        return request.method or ""

    @property
    def stated(self) -> ActionSpec | None:
        return getattr(getattr(self, self.action or "", None), "endpoint", None)

    def get_authenticators(self) -> list[BaseAuthentication]:
        """No authenticators where anyone may call, so that a token that has run out does not close a public route."""
        # The generator of the OpenAPI document asks before `action` is set.
        spec = self.stated if getattr(self, "action", None) else None
        return [] if spec is None or issubclass(spec.who, Anyone) else super().get_authenticators()

    def get_permissions(self) -> list[BasePermission]:
        return [self.stated.who() if self.stated else Nobody()]

    def read(self, request: Request, stated: ActionSpec) -> list[Any]:
        """The validated body and query, of those that the action takes. Raises InvalidInput and its kin."""
        given: list[Any] = []
        if isinstance(stated.body, FilesKind):
            given.append(stated.body.opened(request._request))
        elif stated.takes is not None:
            given.append(self._validated(stated.takes, stated.body.read(request._request)))
        if stated.query is not None:
            given.append(self._validated(stated.query, request.query_params.dict()))
        return given

    @staticmethod
    def _validated(shape: Takes, data: object) -> Any:
        if issubclass(shape, Struct):
            return checked(shape, data)
        serializer = shape(data=data)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data


class LinkedViewSet(ApiViewSet):
    """People come here by a link, and programs too: an error is a page to a browser, in the language of our other pages."""

    error_format = staticmethod(for_who_asks)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        language = language_of(request, page=prefers_page(request))
        with translation.override(language):
            response = self.answer(request, *args, **kwargs)
        response.headers["Content-Language"] = TAGS[language]
        return response

    def answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return super().dispatch(request, *args, **kwargs)


class HotView(APIView):
    """A route that is called very often. It is documented like the others, but answered without the REST framework.

    It reads no credentials, no session and no body; GET and HEAD only. `tag` as in `ApiViewSet`.
    """

    tag: str
    http_method_names = ["get", "head"]
    permission_classes = (Anyone,)
    authentication_classes = ()

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return refuse_method(request, "GET, HEAD")
        return self.get(request, *args, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        raise NotImplementedError
