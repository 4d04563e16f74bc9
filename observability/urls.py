"""The area's routes: explicit rows, each naming its actions."""

from django.urls import path, register_converter
from django.urls.converters import PathConverter

from observability.gate import ROOM
from observability.views import ANY_METHOD, JaegerAuthViewSet, JaegerLoginViewSet, JaegerViewSet, MetricsViewSet
from sage_platform import paths


class Rest(PathConverter):
    """What stands behind a slash, nothing too."""

    regex = ".*"


register_converter(Rest, "rest")
JAEGER = JaegerViewSet.as_view(dict.fromkeys(ANY_METHOD, "enter"))

# Below /api.
urlpatterns = [
    path(paths.METRICS, MetricsViewSet.as_view({"get": "metrics"})),
    path(f"{ROOM}/{paths.JAEGER}/auth", JaegerAuthViewSet.as_view({"get": "auth"})),
    path(f"{ROOM}/{paths.JAEGER}/login", JaegerLoginViewSet.as_view({"get": "login"})),
    path(f"{ROOM}/{paths.JAEGER}", JAEGER),
    path(f"{ROOM}/{paths.JAEGER}/<rest:path>", JAEGER),
]
