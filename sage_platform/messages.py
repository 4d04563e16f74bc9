"""Messages for the next page, kept as Django keeps them."""

from functools import cached_property
from typing import Any

from django.contrib.messages.storage.base import BaseStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.http import HttpRequest


class LateStorage(FallbackStorage):
    """Makes its parts when there is a message; Django's own makes a signer at every request, of the API's too."""

    def __init__(self, request: HttpRequest) -> None:
        BaseStorage.__init__(self, request)
        self._used_storages: set[Any] = set()

    @cached_property
    def storages(self) -> list[Any]:
        return [kind(self.request) for kind in self.storage_classes]
