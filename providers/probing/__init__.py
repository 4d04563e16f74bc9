"""Asking a model vendor: does it answer, does it see images, does it obey a JSON mode, which models does it have.

Knows nothing of views and models. Everything goes out through `sage_platform.outbound`.
"""

from providers.probing.listing import list_models
from providers.probing.probes import check_capabilities, check_connection, check_image, check_json
from providers.probing.results import (
    Capabilities,
    Capability,
    Category,
    Connection,
    ImageResult,
    JSONResult,
    ModelEndpoint,
    ProbeFailed,
)

__all__ = [
    "Capabilities",
    "Capability",
    "Category",
    "Connection",
    "ImageResult",
    "JSONResult",
    "ModelEndpoint",
    "ProbeFailed",
    "check_capabilities",
    "check_connection",
    "check_image",
    "check_json",
    "list_models",
]
