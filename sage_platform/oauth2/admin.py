"""Clients, tokens, consents and signing keys in the Django admin, through the same services as everything else.

The toolkit registers the swapped models by itself; its app stands before ours in INSTALLED_APPS, so this module runs later.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import formats, timezone
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from sage_platform.oauth2 import client_secrets, clients, consents, keys, tokens
from sage_platform.oauth2.client_form import ClientForm
from sage_platform.oauth2.models import (
    AccessToken,
    Application,
    Consent,
    Grant,
    GrantType,
    IDToken,
    RefreshToken,
    SigningKey,
)
from sage_platform.pages.model_admin import Confirmation, Deeds, ListAdmin, Only, Question, RecordAdmin, action

admin.site.unregister([Application, Grant, AccessToken, RefreshToken, IDToken])


TOKENS_TO_END = ngettext_lazy("%(amount)d token will end.", "%(amount)d tokens will end.", "amount")
TOKENS_ENDED = ngettext_lazy("%(amount)d token ended.", "%(amount)d tokens ended.", "amount")


def tokens_to_end(which: Q | Exists) -> str:
    """How many living tokens that is, in a sentence."""
    now = timezone.now()
    access = AccessToken.objects.filter(which, expires__gt=now).count()
    refresh = RefreshToken.objects.filter(which, expires__gt=now, revoked=None).count()
    return TOKENS_TO_END % {"amount": access + refresh}


# What stands for a column of a client that is not changed here.
IN_WORDS = {
    "source": "declared_in",
    "grant_types": "grant_types_in_words",
    "scope": "scopes_in_words",
    "redirect_uris": "redirect_addresses",
    "skip_authorization": "skip_consent",
}
DECLARED = _("the environment declares it, so it is changed there.")


class NewSecret(Confirmation):
    end_former = forms.BooleanField(
        required=False, label=_("End the former secret at once, since somebody else may have it. Otherwise it is good for a day.")
    )


@admin.register(Application)
class ClientAdmin(ListAdmin[Application]):
    """A secret is made here and shown once. A client that the environment declares is read-only here."""

    form = ClientForm
    list_display = ("name", "client_id", "token_endpoint_auth_method", "enabled", "source", "created")
    list_filter = ("enabled", "source", "token_endpoint_auth_method")
    search_fields = ("name", "client_id", "description", "redirect_uris")
    ordering = ("name", "pk")
    actions = ("renew_secret", "end_former_secrets", "enable", "disable")
    fieldsets = (
        (None, {"fields": ("client_id", "name", "description", "enabled", "source")}),
        (_("What it may do"), {"fields": ("grant_types", "scope", "redirect_uris", "skip_authorization")}),
        (_("How it proves who it is"), {"fields": ("token_endpoint_auth_method", "former_secrets")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Application | None = None) -> Any:
        """A new client has no source and no former secret yet, and of a declared one the columns are shown in words."""
        left_out = () if obj else ("source", "former_secrets")
        words = IN_WORDS if _declared(obj) else {}

        def shown(names: Any) -> list[str]:
            return [words.get(name, name) for name in names if name not in left_out]

        return [(title, {"fields": shown(part["fields"])}) for title, part in self.fieldsets]

    def get_readonly_fields(self, request: HttpRequest, obj: Application | None = None) -> tuple[str, ...]:
        own = ("source", "former_secrets", *IN_WORDS.values())
        return ("client_id", *own) if obj is not None else own

    @admin.display(description=_("source"))
    def declared_in(self, client: Application) -> str:
        return gettext("SAGE_OAUTH2_CLIENTS: %(why)s") % {"why": DECLARED}

    @admin.display(description=_("Grant types"))
    def grant_types_in_words(self, client: Application) -> str:
        return ", ".join(str(GrantType(one).label) for one in client.grant_types)

    @admin.display(description=_("Scopes"))
    def scopes_in_words(self, client: Application) -> str:
        return ", ".join(client.scopes)

    @admin.display(description=_("Redirect addresses"))
    def redirect_addresses(self, client: Application) -> str:
        return "\n".join(client.redirect_uris.split())

    @admin.display(description=_("Skip consent"))
    def skip_consent(self, client: Application) -> str:
        return gettext("Yes") if client.skip_authorization else gettext("No")

    @admin.display(description=_("former secrets"))
    def former_secrets(self, client: Application) -> str:
        living = client.former_secrets.filter(expires__gt=timezone.now()).order_by("expires") if client.pk else ()
        until = [formats.date_format(one.expires, "DATETIME_FORMAT") for one in living]
        return ", ".join(gettext("good until %(time)s") % {"time": time} for time in until) or gettext("none")

    def fits(self, action: str, row: Application) -> bool:
        if _declared(row):
            return False
        return {
            "renew_secret": not row.is_public,
            "end_former_secrets": bool(clients.living_former_secrets(row)),
            "enable": not row.enabled,
            "disable": row.enabled,
        }.get(action, True)

    def refused(self, rows: QuerySet[Application]) -> dict[Application, str]:
        return dict.fromkeys(rows.filter(source=Application.Source.ENVIRONMENT), str(DECLARED))

    def has_change_permission(self, request: HttpRequest, obj: Application | None = None) -> bool:
        return super().has_change_permission(request, obj) and not _declared(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Application | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not _declared(obj)

    def get_deleted_objects(self, objs: Sequence[Application] | QuerySet[Application], request: HttpRequest) -> Any:
        """Let tokens and consents go with their client: the admin would refuse, since nobody may delete one by itself."""
        to_delete, counts, _needed, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: Application) -> None:
        consents.hold(obj.consents.all())
        super().delete_model(request, obj)

    def save_model(self, request: HttpRequest, obj: Application, form: ClientForm, change: bool) -> None:
        """Save through `clients.change`, so that switching off ends the tokens. A client that needs a secret gets one here."""
        values = clients.fields_of(form.registration())
        stored = Application.objects.get(pk=obj.pk).client_secret if change else ""
        if form.registration().is_public:
            values["client_secret"] = ""
        elif not stored:
            obj.fresh_secret = client_secrets.generate()
            values["client_secret"] = client_secrets.hashed(obj.fresh_secret)
        if change:
            if ended := clients.change(obj, values):
                self.message_user(request, TOKENS_ENDED % {"amount": ended}, messages.SUCCESS)
            return
        for name, value in values.items():
            setattr(obj, name, value)
        obj.save(force_insert=True)

    def response_add(self, request: HttpRequest, obj: Application, post_url_continue: str | None = None) -> HttpResponse:
        return self._shown(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Application) -> HttpResponse:
        return self._shown(request, obj) or super().response_change(request, obj)

    def _shown(self, request: HttpRequest, obj: Application) -> HttpResponse | None:
        secret = getattr(obj, "fresh_secret", None)
        return self._show(request, [(obj, secret)]) if secret else None

    def _show(
        self, request: HttpRequest, made: list[tuple[Application, str]], *, replaced: bool = False, at_once: bool = False
    ) -> HttpResponse:
        """The page with the secrets is the answer itself, which no cache keeps. As messages they would be stored in a cookie."""
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Client secrets"),
            "made": made,
            "opts": self.opts,
            "replaced": replaced,
            "former_until": None if at_once else timezone.now() + clients.FORMER_SECRET_LIFE,
        }
        return render(request, "oauth2/secrets.html", context)

    @action(
        _("Give the selected clients a new secret, and show it once"),
        button=_("New secret"),
        question=Question(
            _("Do you want to give these clients a new secret? It is shown once, on the next page."), form=NewSecret
        ),
    )
    def renew_secret(self, request: HttpRequest, queryset: QuerySet[Application]) -> HttpResponse | None:
        at_once = "end_former" in request.POST
        made = []
        for client in queryset:
            secret = clients.renew_secret(client, end_former=at_once)
            if secret is None:
                self.message_user(request, gettext("%(client)s: it has no secret.") % {"client": client}, messages.ERROR)
                continue
            made.append((client, secret))
            fields = ["client_secret", "former_secrets"] if at_once else ["client_secret"]
            self.log_change(request, client, [{"changed": {"fields": fields}}])
        at_once = at_once or not any(client.enabled for client, _secret in made)
        return self._show(request, made, replaced=True, at_once=at_once) if made else None

    @action(
        _("End the former secrets of the selected clients"),
        button=_("End the former secret"),
        question=Question(
            _("Do you want to end the former secrets of these clients? Who still uses one is refused from now on.")
        ),
    )
    def end_former_secrets(self, request: HttpRequest, queryset: QuerySet[Application]) -> Deeds:
        ended = 0
        for client in queryset:
            if of_client := clients.end_former_secrets(client):
                ended += of_client
                self.log_change(request, client, [{"changed": {"fields": ["former_secrets"]}}])
        return [(ended, ngettext_lazy("%(amount)d former secret ended.", "%(amount)d former secrets ended.", "amount"))]

    @action(_("Switch the selected clients on"), button=_("Switch on"))
    def enable(self, request: HttpRequest, queryset: QuerySet[Application]) -> Deeds:
        done, _ended = self._switch(request, queryset, enabled=True)
        return [(done, ngettext_lazy("%(amount)d client switched on.", "%(amount)d clients switched on.", "amount"))]

    @action(
        _("Switch the selected clients off; ends their tokens"),
        button=_("Switch off"),
        question=Question(
            _("Do you want to switch these clients off? Nobody can sign in by them any more, and all their tokens end."),
            ends=lambda rows: tokens_to_end(Q(application__in=rows)),
        ),
    )
    def disable(self, request: HttpRequest, queryset: QuerySet[Application]) -> Deeds:
        done, ended = self._switch(request, queryset, enabled=False)
        switched_off = ngettext_lazy("%(amount)d client switched off.", "%(amount)d clients switched off.", "amount")
        return [(done, switched_off), (ended, TOKENS_ENDED)]

    def _switch(self, request: HttpRequest, queryset: QuerySet[Application], *, enabled: bool) -> tuple[int, int]:
        """How many clients were switched, and how many tokens that ended."""
        switched, ended = list(queryset.exclude(enabled=enabled)), 0
        for client in switched:
            ended += clients.set_enabled(client, enabled=enabled)
            self.log_change(request, client, [{"changed": {"fields": ["enabled"]}}])
        return len(switched), ended


def _declared(client: Application | None) -> bool:
    return client is not None and client.source == Application.Source.ENVIRONMENT


class RecordWithActions(RecordAdmin[Any]):
    def each(self, request: HttpRequest, queryset: QuerySet[Any], act: Callable[[Any], int], field: str) -> tuple[int, int]:
        """Act on each row, and write down in the history who did it. The number of rows, and of tokens that this ended."""
        rows, ended = list(queryset), 0
        for row in rows:
            self.log_change(request, row, [{"changed": {"fields": [field]}}])
            ended += act(row)
        return len(rows), ended


class TokenAdmin(RecordWithActions):
    list_filter = ("created", ("user", Only), ("application", Only))
    search_fields = ("user__username", "user__email", "application__client_id", "application__name")
    ordering = ("-id",)
    actions = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("application", "user")

    @action(
        _("Revoke the selected tokens, with all that came of the same approval"),
        button=_("Revoke"),
        question=Question(
            _("Do you want to revoke these tokens? All tokens that came of the same approval end with them."),
            ends=lambda rows: tokens_to_end(Q(token_family__in=list(rows.values_list("token_family", flat=True)))),
        ),
    )
    def revoke(self, request: HttpRequest, queryset: QuerySet[Any]) -> Deeds:
        _done, ended = self.each(request, queryset, lambda row: tokens.end_family(row.token_family), "revoked")
        return [(ended, TOKENS_ENDED)]


@admin.register(AccessToken)
class AccessTokenAdmin(TokenAdmin):
    list_display = ("id", "application", "user", "scope", "created", "expires")
    fields = ("id", "application", "user", "scope", "created", "expires", "token_family")


@admin.register(RefreshToken)
class RefreshTokenAdmin(TokenAdmin):
    list_display = ("id", "application", "user", "scope", "created", "expires", "revoked")
    fields = ("id", "application", "user", "scope", "created", "expires", "revoked", "token_family")


@admin.register(Consent)
class ConsentAdmin(RecordWithActions):
    list_display = ("user", "application", "scopes", "granted_at")
    list_filter = ("granted_at", ("user", Only), ("application", Only))
    search_fields = ("user__username", "user__email", "application__client_id", "application__name")
    ordering = ("-pk",)
    fields = ("user", "application", "scopes", "granted_at")
    actions = ("withdraw",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Consent]:
        return super().get_queryset(request).select_related("application", "user")

    def name_of(self, row: Consent) -> str:
        return f"{row.user}, {row.application}: {row.scopes or '–'}"

    @action(
        _("Withdraw the selected consents; ends the tokens that came of them"),
        button=_("Withdraw"),
        question=Question(
            _("Do you want to withdraw these consents? The tokens that came of them end, and the people are asked again."),
            ends=lambda rows: tokens_to_end(Exists(rows.filter(user=OuterRef("user"), application=OuterRef("application")))),
        ),
    )
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Consent]) -> Deeds:
        done, ended = self.each(request, queryset.select_related("user", "application"), consents.withdraw, "withdrawn")
        withdrawn = ngettext_lazy("%(amount)d consent withdrawn.", "%(amount)d consents withdrawn.", "amount")
        return [(done, withdrawn), (ended, TOKENS_ENDED)]


@admin.register(SigningKey)
class SigningKeyAdmin(RecordWithActions):
    list_display = ("kid", "created_at", "activated_at", "retired_at")
    ordering = ("-created_at",)
    fields = ("kid", "algorithm", "public_jwk", "created_at", "activated_at", "retired_at")
    actions = ("rotate",)

    def fits(self, action: str, row: SigningKey) -> bool:
        return action != "rotate" or (row.activated_at is not None and row.retired_at is None)

    @action(
        _("Retire the key that signs, whichever is selected; the next one takes its place"),
        button=_("Retire"),
        question=Question(
            _("Do you want to retire the key that signs? The next one takes its place, and this one stays published a while.")
        ),
    )
    def rotate(self, request: HttpRequest, queryset: QuerySet[SigningKey]) -> str:
        key = keys.rotate()
        self.log_change(request, key, [{"changed": {"fields": ["activated_at"]}}])
        return gettext("The key %(key)s signs now.") % {"key": key}
