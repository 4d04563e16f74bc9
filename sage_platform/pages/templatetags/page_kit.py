"""What the templates of our pages are made with."""

from django import template
from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

from sage_platform.pages.directions import isolated
from sage_platform.pages.numbers import grouped
from sage_platform.pages.style import ICON, STYLE

register = template.Library()
register.filter("isolated", isolated)
register.filter("grouped", grouped)


@register.simple_tag
def style_sheet() -> SafeString:
    """It is in the page as it is in the file: with one character escaped, it would not be the one that the policy names."""
    return mark_safe(f"<style>{STYLE}</style>")  # noqa: S308  A file of ours.


@register.simple_tag
def icon() -> str:
    return ICON


@register.inclusion_tag("pages/home.html")
def home_link(look: str = "") -> dict[str, object]:
    """A link to the account page, or to the web application where one is served in its place; `look` is its class."""
    return {
        "address": f"{settings.SAGE_WEB_BASE_PATH}/",
        "web_application": settings.SAGE_WEB_ROOT is not None,
        "look": look,
    }
