"""Who brings a file, and where they may put it."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import gettext as _
from rest_framework.exceptions import NotAuthenticated, PermissionDenied

from sage_platform.accounts.models import User
from sage_platform.api.errors import InvalidInput
from sage_platform.api.seams import ThirdParty
from uploads import names


@dataclass(frozen=True)
class Uploader:
    """A person; or a program, which brings files of releases alone: for itself, and then `user` is None, or for an administrator.

    An administrator may put a file of a release at the key that it is to have, and so may a program. Everybody else's path is a
    folder below their own prefix.
    """

    user: User | None
    # Of a program: its client's id, and how it is found again by its token. Raises what is wrong with the token by then.
    client_id: str = ""
    third_party_now: Callable[[], ThirdParty] | None = None

    @property
    def is_trusted(self) -> bool:
        """An administrator, or a program, whose client an administrator has made: for these no limit of room counts."""
        return self.user is None or bool(self.user.is_admin)

    def came_from(self, address: str) -> str:
        return f"{self.client_id}, {address}" if self.client_id else address

    def now(self) -> "Uploader":
        """As they are at this moment, since a file may have been on its way for an hour.

        Raises NotAuthenticated where a person was deleted or deactivated or a token has ended, PermissionDenied and
        InsufficientScope where a program may bring nothing any more.
        """
        if self.third_party_now is None:
            found = User.objects.filter(pk=self.user.pk, is_active=True).first() if self.user else None
            if found is None:
                raise NotAuthenticated
            return Uploader(found)
        user = self.third_party_now().user
        if user is not None and not (isinstance(user, User) and user.is_admin):
            raise PermissionDenied
        return Uploader(user, self.client_id, self.third_party_now)

    def key_for(self, path: str, public_id: str) -> str:
        """Raises InvalidInput."""
        if names.is_bundle(path) and self.is_trusted:
            return names.bundle_key(path)
        if self.user is None or self.client_id:
            raise InvalidInput([("path", _("A program uploads files of releases alone: give the path bundle/<version>/<name>."))])
        return names.own_key(str(self.user.pk), path, public_id)
