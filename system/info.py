"""What anyone may know of the deployment; the login page is built from it."""

from typing import Any

from django.conf import settings

from sage_platform.api import seams
from system.current import current_settings


def own_part() -> dict[str, Any]:
    registers = settings.SAGE_AUTH_MODE == "native" and current_settings.get().allow_registration
    return {"allow_registration": registers, "version": settings.SAGE_VERSION}


def deployment_info() -> dict[str, Any]:
    """The parts of all areas, keys in alphabetical order."""
    parts = [part() for _name, part in seams.info_parts.items()]
    return dict(sorted({key: value for part in parts for key, value in part.items()}.items()))
