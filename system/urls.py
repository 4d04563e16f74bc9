"""The system routes, under /api, and the page of one's own usage."""

from django.conf import settings
from django.urls import URLPattern, path

from sage_platform import paths
from system.usage.pages import mine
from system.usage.views import UsageViewSet
from system.views import HealthView, InfoView, SettingsViewSet

urlpatterns: list[URLPattern] = [
    path(paths.HEALTH, HealthView.as_view()),
    path("system/info", InfoView.as_view()),
    path("system/agent/usage", UsageViewSet.as_view({"post": "report"})),
    path("system/agent/usage-stats", UsageViewSet.as_view({"post": "mine"})),
    path("token-usage/stats", UsageViewSet.as_view({"post": "tokens"})),
    path("system/update_settings", SettingsViewSet.as_view({"post": "update_settings"})),
]
# Beside the account page, and like it only where no web application is served.
PAGES: list[URLPattern] = [
    path(f"{settings.SAGE_WEB_BASE_PATH.lstrip('/')}/usage", mine, name="usage"),
]
