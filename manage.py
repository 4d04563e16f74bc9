#!/usr/bin/env python
"""The platform's command line: `manage.py help` lists what it can do."""

import os
import sys

from sage_platform import command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sage_platform.settings")
    command_line.run(sys.argv)
