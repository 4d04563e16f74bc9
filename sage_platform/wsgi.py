"""What the server calls: Django, and in front of it what must answer whatever happens to Django."""

import multiprocessing
import os
import signal

from django.core.wsgi import get_wsgi_application

from sage_platform.front import front

if multiprocessing.parent_process() is not None:
    # A worker is forked with the server's own handlers, which in it do nothing. Until it has set its own, a signal must end
    # it: a lost one would make the stop wait for the whole kill timeout.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sage_platform.settings")

application = front(get_wsgi_application())
