"""What Django's debug pages (`SAGE_DEBUG`) and error reports may show: where it broke, and nothing of what people sent.

Django's own filter hides nothing while DEBUG is on. But debug pages end up in screenshots, tickets and chats, and the local
variables of a probe hold somebody's key.
"""

import re
from collections.abc import ItemsView
from types import FrameType

from django.http import HttpRequest, QueryDict
from django.views.debug import SafeExceptionReporterFilter


class QuietReporterFilter(SafeExceptionReporterFilter):
    hidden_settings = re.compile(
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|DATABASE_URL|REDIS_URL|EMAIL_URL|LOCATION|OAUTH2_CLIENTS",
        re.IGNORECASE,
    )

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, str]:
        """The names of a form's fields."""
        sent = QueryDict() if request is None else request.POST
        return dict.fromkeys(sent, self.cleansed_substitute)

    def get_safe_cookies(self, request: HttpRequest | None) -> dict[str, str]:
        return dict.fromkeys(getattr(request, "COOKIES", ()), self.cleansed_substitute)

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> ItemsView[str, object]:
        """The names and types of the variables: a value may be a key, or hold one anywhere in its depth."""
        return {name: type(value) for name, value in tb_frame.f_locals.items()}.items()
