"""The area's routes: explicit rows, each naming its actions."""

from django.urls import path

from versions.views import CheckView, LatestView, ReleaseViewSet

# Below /api.
urlpatterns = [
    path("system/version", ReleaseViewSet.as_view({"get": "index", "post": "publish"})),
    path("system/version/check", CheckView.as_view()),
    path("system/version/import_github", ReleaseViewSet.as_view({"post": "import_github"})),
    path("system/version/latest", LatestView.as_view()),
    path("system/version/<str:version>", ReleaseViewSet.as_view({"delete": "destroy"})),
]
