"""Runs a command without the caller's settings in its environment, and with a data folder that is removed afterwards.

    usage: python -m scripts.bare [NAME=VALUE …] COMMAND [ARGUMENT …]

So tests and checks find the same thing on every machine, and never touch ./data.
"""

import os
import sys
import tempfile

from scripts.with_services import end_on_signals, run

UNPREFIXED = ("DATABASE_URL", "REDIS_URL", "EMAIL_URL", "DEFAULT_FROM_EMAIL", "DJANGO_SETTINGS_MODULE")
SETTINGS = ("SAGE_", *UNPREFIXED)  # Compared as prefixes, since each secret may also be DATABASE_URL_FILE and the like.
# Tests start hundreds of processes, each of which would compile the code anew.
NO_COMPILED_CODE = "PYTHONDONTWRITEBYTECODE"


def main() -> int:
    command = sys.argv[1:]
    wanted: dict[str, str] = {}
    while command and "=" in command[0]:
        name, _, value = command.pop(0).partition("=")
        wanted[name] = value
    if not command:
        print("usage: python -m scripts.bare [NAME=VALUE …] COMMAND [ARGUMENT …]", file=sys.stderr)
        return 2
    inherited = {name: value for name, value in os.environ.items() if not name.startswith((*SETTINGS, NO_COMPILED_CODE))}
    end_on_signals()
    # A server that was killed may still write to the folder while it is removed.
    with tempfile.TemporaryDirectory(prefix="sage-data-", ignore_cleanup_errors=True) as data:
        return run(command, {**inherited, "SAGE_DATA_DIR": data, **wanted})


if __name__ == "__main__":
    sys.exit(main())
