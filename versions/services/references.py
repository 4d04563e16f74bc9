"""Which files of our own store releases name."""

from versions.models import Artifact


def is_referenced(key: str) -> bool:
    """Whether a release of any state names the object: a draft will be published, and a withdrawn release can be again."""
    return Artifact.objects.of_object(key).exists()
