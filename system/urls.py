"""The system routes, under /api."""

from django.urls import URLPattern, path

from sage_platform import paths
from system.views import HealthView, InfoView, SettingsViewSet

urlpatterns: list[URLPattern] = [
    path(paths.HEALTH, HealthView.as_view()),
    path("system/info", InfoView.as_view()),
    path("system/update_settings", SettingsViewSet.as_view({"post": "update_settings"})),
]
