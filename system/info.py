"""What anyone may know of the deployment, its flags among it; the login page is built from it."""

from typing import Any

from django.conf import settings

from sage_platform.api import seams
from system.current import current_settings

# A flag that counts in one mode alone. In another it is told as off, whatever the row says.
ONLY_IN_MODE = {"allow_registration": "native"}


def own_part() -> dict[str, object]:
    mode = settings.SAGE_AUTH_MODE
    flags = {name: value and ONLY_IN_MODE.get(name, mode) == mode for name, value in current_settings.get().flags().items()}
    return {**flags, "version": settings.SAGE_VERSION}


def deployment_info() -> dict[str, Any]:
    """The parts of all areas, keys in alphabetical order."""
    parts = [part() for part in seams.info_parts.values()]
    return dict(sorted({key: value for part in parts for key, value in part.items()}.items()))
