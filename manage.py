#!/usr/bin/env python
"""The platform's command line: `manage.py help` lists what it can do."""

import gc
import os
import sys

if __name__ == "__main__":
    # While Django and the applications are loaded (`command_line`): nearly nothing of it is garbage, and to look takes long.
    gc.disable()
    from sage_platform import command_line

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sage_platform.settings")
    command_line.run(sys.argv)
