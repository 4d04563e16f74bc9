"""Users and their sign-ins in the Django admin, through the same services as the API."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import formats
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException

from sage_platform.accounts.fields import PHONE, clean_username
from sage_platform.accounts.forms import password_field
from sage_platform.accounts.models import LockOut, SignIn, User
from sage_platform.accounts.names import comparison_key
from sage_platform.accounts.services import lock_outs, sign_ins, users
from sage_platform.accounts.services.history import has_history, words
from sage_platform.api.errors import Message
from sage_platform.pages.model_admin import Deeds, Only, Question, RecordAdmin, action
from sage_platform.pages.row_admin import RowAdmin, RowForm

SIGN_INS_TO_END = ngettext_lazy("%(amount)d sign-in will end.", "%(amount)d sign-ins will end.", "amount")
SIGN_INS_ENDED = ngettext_lazy("%(amount)d sign-in ended.", "%(amount)d sign-ins ended.", "amount")

# The role is the only privilege here. A group would look as if it gave another, and would give none.
admin.site.unregister(Group)


def actor_of(request: HttpRequest) -> User:
    """Who asks: nobody but administrators gets as far as a method of the admin that changes something."""
    return cast("User", request.user)


class UserFieldsForm(RowForm[User]):
    """Checks names and addresses by the same rules as the API."""

    class Meta:
        model = User
        fields = ("username", "email", "phonenum", "nickname", "role", "is_active")
        error_messages = {"username": {"unique": _("This username is taken.")}}

    def clean_username(self) -> str:
        name = clean_username(self.cleaned_data["username"])
        self._refuse_taken("username_key", name, _("This username is taken."))
        return name

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"] or "")
        if email:
            self._refuse_taken("email_key", email, _("This email address is taken."))
        return email

    def clean_phonenum(self) -> str:
        number = str(self.cleaned_data["phonenum"] or "")
        if number:
            PHONE(number)
        return number

    def _refuse_taken(self, field: str, value: str, message: Message) -> None:
        others = User.objects.filter(**{field: comparison_key(value)}).exclude(pk=self.instance.pk)
        if others.exists():
            raise ValidationError(message)


class AddUserForm(UserFieldsForm):
    password = password_field(_("Password"), "new-password")

    class Meta(UserFieldsForm.Meta):
        fields = ("username", "email", "phonenum", "role")  # type: ignore[assignment]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if given.get("password"):
            try:
                users.check_strength(given["password"], User(username=given.get("username", ""), email=given.get("email", "")))
            except APIException as error:
                self.add_error("password", str(error.detail))
        return given


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]
    """Ends every sign-in and token of the user; the administrator's own session goes on when it is their own password."""

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if not given["set_usable_password"] and self.user.role == User.Role.ADMIN:
            # The page shows the errors of fields alone.
            self.add_error("usable_password", _("An administrator needs a password. Change the role first."))
        return given

    def save(self, commit: bool = True) -> User:
        user: User = self.user
        request: HttpRequest = user.asked_by  # type: ignore[attr-defined]
        sign_in = getattr(request, "sign_in", None)
        keep = {sign_in.pk} if sign_in is not None and sign_in.user_id == user.pk else set()
        password = self.cleaned_data["password1"] if self.cleaned_data["set_usable_password"] else None
        users.set_password(user, password, keep=keep, actor=actor_of(request))
        return user


@admin.register(User)
class UserAdmin(RowAdmin[User], DjangoUserAdmin):  # type: ignore[type-arg]
    form = UserFieldsForm
    add_form = AddUserForm
    change_password_form = PasswordForm
    list_display = ("username", "email", "nickname", "role", "is_active", "created_at", "last_login")
    list_filter = ("role", "is_active", "created_at")
    search_fields = ("id", "username", "email", "nickname", "phonenum")
    ordering = ("-created_at", "-id")
    filter_horizontal = ()
    readonly_fields = ("id", "password_state", "by_proxy", "created_at", "last_login")
    actions = ("activate", "deactivate", "unlock")
    fieldsets = (
        (None, {"fields": ("id", "username", "password_state")}),
        (_("Person"), {"fields": ("nickname", "email", "phonenum")}),
        (_("Rights"), {"fields": ("role", "is_active", "by_proxy")}),
        (_("Dates"), {"fields": ("created_at", "last_login")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("username", "password", "email", "phonenum", "role")}),)

    @admin.display(description=_("password"))
    def password_state(self, user: User) -> str:
        """Whether there is a password, and a link to give another one. Nothing of its hash is shown."""
        state, link = _("None: no sign-in by password."), _("Set a password")
        if user.has_usable_password():
            state, link = _("Set."), _("Set another password")
        return format_html('{} <a href="../password/">{}</a>', state, link)

    @admin.display(description=_("made by the identity proxy"))
    def by_proxy(self, user: User) -> str:
        """Without the red cross of a stock boolean, which would look like a failure."""
        return gettext("Yes") if user.made_by_proxy else gettext("No")

    def get_deleted_objects(self, objs: Sequence[User] | QuerySet[User], request: HttpRequest) -> Any:
        """Deletes the sign-ins with their user. Django would refuse, since the admin lets nobody delete a sign-in by itself."""
        to_delete, counts, _needed, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, set(), protected

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Also notes who asks, for `PasswordForm`, which gets the user alone."""
        user: Any = super().get_object(request, object_id, from_field)
        if user is not None:
            user.asked_by = request
        return user

    # Django's own method, which its stubs leave out.
    _add_view: Callable[[HttpRequest, str, dict[str, Any] | None], HttpResponse]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Without Django's transaction, as `changeform_view`: the password is hashed meanwhile."""
        return self._add_view(request, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: User, form: RowForm[User], change: bool) -> None:
        given, actor = form.cleaned_data, actor_of(request)
        if not change:
            obj.pk = users.create_user(**given, actor=actor).pk
            return
        kept = User.objects.get(pk=obj.pk)
        ended = users.change_user(kept, {name: given[name] for name in form.changed_data}, actor=actor)
        if ended:
            self.message_user(request, SIGN_INS_ENDED % {"amount": ended}, messages.SUCCESS)

    def fits(self, action: str, row: User) -> bool:
        if action == "unlock":
            return lock_outs.has_failures(row)
        return action not in {"activate", "deactivate"} or (action == "deactivate") == row.is_active

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Not for an administrator, who is demoted first, and not for somebody with a history, which would be deleted too."""
        if obj is None:
            return super().has_delete_permission(request)
        return obj.role != User.Role.ADMIN and not has_history(obj)

    @action(_("Activate the selected users"), button=_("Activate"))
    def activate(self, request: HttpRequest, queryset: QuerySet[User]) -> Deeds:
        done, _ended = self._set_active(request, queryset, active=True)
        return [(done, ngettext_lazy("%(amount)d user activated.", "%(amount)d users activated.", "amount"))]

    @action(
        _("Deactivate the selected users; ends their sign-ins and tokens"),
        button=_("Deactivate"),
        question=Question(
            _("Do you want to deactivate these users? They cannot sign in any more, and all their sign-ins and tokens end."),
            ends=lambda rows: SIGN_INS_TO_END % {"amount": SignIn.objects.filter(user__in=rows, ended_at=None).count()},
        ),
    )
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> Deeds:
        done, ended = self._set_active(request, queryset, active=False)
        deactivated = ngettext_lazy("%(amount)d user deactivated.", "%(amount)d users deactivated.", "amount")
        return [(done, deactivated), (ended, SIGN_INS_ENDED)]

    @action(_("Unlock the selected users: forget their failed sign-ins"), button=_("Unlock"))
    def unlock(self, request: HttpRequest, queryset: QuerySet[User]) -> Deeds:
        done = sum(lock_outs.unlock(user, actor=actor_of(request)) for user in queryset)
        return [(done, ngettext_lazy("%(amount)d user unlocked.", "%(amount)d users unlocked.", "amount"))]

    def _set_active(self, request: HttpRequest, queryset: QuerySet[User], *, active: bool) -> tuple[int, int]:
        """How many users were changed, and how many sign-ins that ended."""
        actor, done, ended = actor_of(request), 0, 0
        for user in queryset.exclude(is_active=active):
            try:
                ended += users.set_active(user, active=active, actor=actor)
            except APIException as error:
                self.message_user(request, f"{user}: {error.detail}", messages.ERROR)
            else:
                done += 1
        return done, ended


@admin.register(SignIn)
class SignInAdmin(RecordAdmin[SignIn]):
    list_display = ("user", "method", "client_key", "created_at", "seen_at", "ended_at")
    list_filter = ("method", "created_at", ("ended_at", admin.EmptyFieldListFilter), ("user", Only))
    search_fields = ("user__username", "user__email", "client_key")
    ordering = ("-created_at", "-pk")
    fields = ("id", "user", "method", "client_key", "created_at", "seen_at", "ended_at")
    actions = ("end",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SignIn]:
        return super().get_queryset(request).select_related("user")

    def name_of(self, row: SignIn) -> str:
        return f"{row.user}, {row.client_key}, {formats.date_format(row.created_at, 'DATETIME_FORMAT')}"

    def fits(self, action: str, row: SignIn) -> bool:
        return action != "end" or row.ended_at is None

    @action(
        _("End the selected sign-ins"),
        button=_("End"),
        question=Question(
            _("Do you want to end these sign-ins? Their people have to sign in again."),
            ends=lambda rows: SIGN_INS_TO_END % {"amount": rows.filter(ended_at=None).count()},
        ),
    )
    def end(self, request: HttpRequest, queryset: QuerySet[SignIn]) -> Deeds:
        ended = [sign_in for sign_in in queryset.filter(ended_at=None) if sign_ins.end(sign_in.pk)]
        for sign_in in ended:
            self.log_change(request, sign_in, [{"changed": {"fields": ["ended_at"]}}])
        return [(len(ended), SIGN_INS_ENDED)]


@admin.register(LockOut)
class LockOutAdmin(RecordAdmin[LockOut]):
    """Accounts and addresses that have failed too often to sign in. A lock-out leaves the list when it is over."""

    list_display = ("who", "until")
    search_fields = ("username", "client_key")
    list_display_links = None
    ordering = ("-at", "-pk")
    actions = ("unlock",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[LockOut]:
        return lock_outs.current()

    def name_of(self, row: LockOut) -> str:
        return self.who(row)

    @admin.display(description=_("locked out"))
    def who(self, row: LockOut) -> str:
        if lock_outs.of_address(row):
            return gettext("All accounts from %(address)s") % {"address": row.client_key}
        name = row.username or gettext("a name that nobody has")
        if row.everywhere:
            return gettext("%(name)s, from every address that never signed it in") % {"name": name}
        return gettext("%(name)s from %(address)s") % {"name": name, "address": row.client_key}

    @admin.display(description=_("until"), ordering="at")
    def until(self, row: LockOut) -> datetime:
        return lock_outs.ends_at(row)

    @action(_("Unlock: forget the failed sign-ins of the selected"), button=_("Unlock"))
    def unlock(self, request: HttpRequest, queryset: QuerySet[LockOut]) -> Deeds:
        rows = list(queryset)
        for row in rows:
            lock_outs.end(row, actor=actor_of(request))
        return [(len(rows), ngettext_lazy("%(amount)d lock-out ended.", "%(amount)d lock-outs ended.", "amount"))]


@admin.register(LogEntry)
class HistoryAdmin(RecordAdmin[LogEntry]):
    """Who changed what, in all areas. The history page of each object shows what concerns that object."""

    list_display = ("action_time", "user", "kind", "subject", "what")
    list_filter = ("action_flag", "content_type", "action_time", ("user", Only))
    list_select_related = ("user", "content_type")
    belonging = _("What this user changed")
    search_fields = ("user__username", "object_repr", "object_id")
    ordering = ("-pk",)  # The order of time, for which Django has no index here.
    fields = ("action_time", "user", "kind", "subject", "object_id", "what")

    @admin.display(description=_("kind"))
    def kind(self, entry: LogEntry) -> str:
        return capfirst(entry.content_type.name) if entry.content_type else "–"

    @admin.display(description=_("of what"))
    def subject(self, entry: LogEntry) -> str:
        return entry.object_repr

    @admin.display(description=_("what was done"))
    def what(self, entry: LogEntry) -> str:
        return words(entry) or entry.get_action_flag_display()
