"""Runs in a process of the platform, with its settings and data: `python -m tests.benchmarks.inside FUNCTION`

Arguments come as JSON on standard input, the answer goes to standard output.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import django

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "sage_platform.settings"
    django.setup()

    from tests.benchmarks import counting, seeds, usage_rows

    functions: dict[str, Callable[..., Any]] = {
        "queries": counting.queries,
        "oauth2_queries": counting.oauth2_queries,
        "people": seeds.people,
        "providers": seeds.providers,
        "file": seeds.file,
        "releases": seeds.releases,
        "oauth2_flow": seeds.oauth2_flow,
        "dead_rows": seeds.dead_rows,
        "reporters": seeds.reporters,
        "usage_rows": usage_rows.usage_rows,
        "usage_sums": usage_rows.usage_sums,
    }
    print(json.dumps(functions[sys.argv[1]](*json.load(sys.stdin))))
