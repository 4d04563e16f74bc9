"""The settings of a platform that also has the addresses of `crashing`."""

from sage_platform.settings import *  # noqa: F403

ROOT_URLCONF = "tests.e2e.crashing"
