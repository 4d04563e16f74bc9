"""Messages for the next page (`django.contrib.messages`), in Django's own storage."""

from functools import cached_property

from django.contrib.messages.storage.base import BaseStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.http import HttpRequest


class LateStorage(FallbackStorage):
    """Makes its parts when a message is read or written. Django's makes them, and a signer, at each request, the API's too."""

    def __init__(self, request: HttpRequest) -> None:
        BaseStorage.__init__(self, request)
        self._used_storages: set[BaseStorage] = set()

    @cached_property
    def storages(self) -> list[BaseStorage]:
        return [kind(self.request) for kind in self.storage_classes]
