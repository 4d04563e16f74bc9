"""The system routes, under /api."""

from django.urls import URLPattern, path

from system.views import HealthView, InfoView, SettingsViewSet

urlpatterns: list[URLPattern] = [
    path("health", HealthView.as_view()),
    path("system/info", InfoView.as_view()),
    path("system/update_settings", SettingsViewSet.as_view({"post": "update_settings"})),
]
