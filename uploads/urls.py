"""The area's routes: explicit rows, each naming its actions."""

from django.urls import path

from sage_platform import paths
from uploads.pages import files
from uploads.serving import file
from uploads.views import UploadViewSet

# Below /api.
urlpatterns = [
    path("oss/upload", UploadViewSet.as_view({"post": "upload"})),
    path("oss/import_url", UploadViewSet.as_view({"post": "import_url"})),
]
# At the root.
root_urlpatterns = [
    path(paths.FILES, files, name="files"),
    path(f"{paths.FILES}/<str:public_id>/<str:filename>", file, name="file"),
]
