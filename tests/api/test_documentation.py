"""What the OpenAPI document says of an action, by routes that exist in tests alone."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from sage_platform.api.documentation import describe
from sage_platform.api.fields import Nothing
from sage_platform.api.permissions import Anyone
from sage_platform.api.viewsets import ApiViewSet, HotView, endpoint
from tests.api.scratch import ScratchViewSet

FORM_TYPE, FILE_TYPE = "application/x-www-form-urlencoded", "multipart/form-data"


def document_of(*patterns: URLPattern) -> dict[str, Any]:
    generator: Any = SchemaGenerator(patterns=list(patterns))  # type: ignore[no-untyped-call]
    found: dict[str, Any] = generator.get_schema(request=None, public=True)
    return found


@pytest.mark.parametrize(
    ("action", "media_type", "component"),
    [
        ("echo", "application/json", "EveryFieldRequest"),
        ("form", FORM_TYPE, "FormInputRequest"),
        ("file", FILE_TYPE, "FileInputRequest"),
    ],
)
def test_the_media_type_of_the_body(action: str, media_type: str, component: str) -> None:
    document = document_of(path("api/here", ScratchViewSet.as_view({"post": action})))
    said = document["paths"]["/api/here"]["post"]
    schema = {"$ref": f"#/components/schemas/{component}"}
    assert said["requestBody"] == {"content": {media_type: {"schema": schema}}, "required": True}
    assert said["responses"]["415"]["description"] == f"The body is not {media_type} in UTF-8."


def test_a_file_in_a_form_is_binary() -> None:
    document = document_of(path("api/here", ScratchViewSet.as_view({"post": "file"})))
    file = document["components"]["schemas"]["FileInputRequest"]["properties"]["file"]
    assert file == {"type": "string", "format": "binary"}


class UntaggedViewSet(ApiViewSet):
    @endpoint(who=Anyone, gives=Nothing, summary="Stands under no heading")
    def act(self, request: Request) -> dict[str, object]:
        return {}


class TaggedViewSet(UntaggedViewSet):
    tag = "scratch"


class UntaggedHotView(HotView):
    @extend_schema(**describe(who=Anyone, gives=Nothing, summary="Stands under no heading"))
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


class TaggedHotView(UntaggedHotView):
    tag = "scratch"


def test_the_tag_of_its_class_is_the_heading_of_an_operation() -> None:
    document = document_of(path("api/one", TaggedViewSet.as_view({"get": "act"})), path("api/two", TaggedHotView.as_view()))
    assert [document["paths"][address]["get"]["tags"] for address in ("/api/one", "/api/two")] == [["scratch"], ["scratch"]]


@pytest.mark.parametrize("view", [UntaggedViewSet.as_view({"get": "act"}), UntaggedHotView.as_view()], ids=["viewset", "hot"])
def test_without_a_tag_there_is_no_document(view: Any) -> None:
    """A heading that the generator made up, or another area's, would go unnoticed."""
    with pytest.raises(AttributeError, match="has no attribute 'tag'"):
        document_of(path("api/untagged", view))
