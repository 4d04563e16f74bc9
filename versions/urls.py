"""The area's routes: explicit rows, each naming its actions. None yet."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
