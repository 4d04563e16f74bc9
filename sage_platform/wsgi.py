"""What the server calls: Django, and in front of it what must answer whatever happens to Django."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from sage_platform.api import seams
from sage_platform.front import front
from sage_platform.turns import turns

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sage_platform.settings")

django = get_wsgi_application()
# Loaded now, so that no request waits for it, and no worker mixes two versions while files are being replaced.
list(get_resolver().url_patterns)
turns.set_amount(settings.SAGE_TURNS)
application = front(django, dict(seams.front_answers.items()), takes_prefix=settings.SAGE_WEB_ROOT is not None)
