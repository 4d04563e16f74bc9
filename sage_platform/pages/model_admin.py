"""What all lists and pages of the admin have in common: what may be filtered, actions that ask first, links between rows."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

from django import forms
from django.contrib import messages
from django.contrib.admin import FieldListFilter
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import DatabaseError, IntegrityError
from django.db.models import Field, Model, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from sage_platform.api.errors import Message
from sage_platform.typing import ModelAdmin

M = TypeVar("M", bound=Model)

# Each word of a search is one more condition on every column that is searched, and databases refuse a condition that is too deep.
SEARCH_WORDS = 20
SEARCH_LENGTH = 200
# How many rows the page that asks names; of the others it says how many there are.
NAMED = 20
# How many rows its form lists by their keys, below Django's limit of fields. Of more it sends the filter and their number.
LISTED = 500
# Fields of the forms that call an action: "yes" once somebody has confirmed it, and whether it was called on a row's own page.
CONFIRMED, FROM_ROW = "confirmed", "from_row"
# Django's own, "1" for all rows of the filter; and how many these were when somebody was asked.
EVERYTHING, AMOUNT = "select_across", "amount"


class Only(FieldListFilter):
    """Shows the rows of one other row (`?user__exact=…`), to which that row's own page links.

    Django's filter for such a column would offer every user there is, each time the list is shown.
    """

    def __init__(  # noqa: PLR0917  Django's signature.
        self,
        field: "Field[Any, Any]",
        request: HttpRequest,
        params: dict[str, Any],
        model: Any,
        model_admin: Any,
        field_path: str,
    ) -> None:
        self.parameter = f"{field_path}{LOOKUP_SEP}exact"
        super().__init__(field, request, params, model, model_admin, field_path)
        given = cast("list[str]", self.used_parameters.get(self.parameter, []))
        self.chosen = given[-1] if given else None

    def expected_parameters(self) -> list[str | None]:
        return [self.parameter]

    def has_output(self) -> bool:
        return self.chosen is not None

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        yield {"selected": False, "query_string": changelist.get_query_string(remove=[self.parameter]), "display": _("All")}
        yield {"selected": True, "query_string": changelist.get_query_string(), "display": self._name()}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        """Of no row where there is no such other one; a number may also be too large for the database to compare with."""
        try:
            found = self.chosen is None or self._row() is not None
        except (ValueError, ValidationError) as error:
            raise IncorrectLookupParameters(error) from error
        return super().queryset(request, queryset) if found else queryset.none()

    def _name(self) -> str:
        return str(self._row() or self.chosen)

    def _row(self) -> Model | None:
        rows: QuerySet[Model] = cast("Any", self.field.related_model)._default_manager.all()
        return rows.filter(pk=self.chosen).first()


class Confirmation(forms.Form):
    """What else the page that asks wants to know. An action that has options of its own extends it."""


# What an action did, in sentences: how many, and of what (`ngettext_lazy(…, "amount")`). The first says whether it did anything.
Deeds = list[tuple[int, Message]]
Act = Callable[[Any, HttpRequest, Any], HttpResponse | Deeds | str | None]


@dataclass(frozen=True)
class Question:
    """What is asked before an action runs. `ends` says in a sentence what it will end, as far as that can be counted."""

    text: Message
    ends: Callable[[Any], str] | None = None
    form: type[Confirmation] = Confirmation


def action(description: Message, *, button: Message, question: Question | None = None) -> Callable[[Act], Act]:
    """An action of a list, which is also a button on the page of each row.

    With a question it runs only once somebody has confirmed it. It neither asks nor runs for rows that the admin refuses
    (`refused`). What it returns as a text or as deeds is told when it is done.
    """

    def decorate(act: Act) -> Act:
        @wraps(act)
        def run(admin: "ListAdmin[Any]", request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponse | None:
            refused = admin.refused(chosen)
            for row, why in refused.items():
                admin.message_user(request, f"{row}: {why}", messages.ERROR)
            rows = chosen.exclude(pk__in=[row.pk for row in refused]) if refused else chosen
            if refused and not rows.exists():
                return None
            if question is not None and (request.POST.get(CONFIRMED) != "yes" or _became_more_or_fewer(request, rows)):
                return admin.ask(request, rows, question, name=act.__name__, title=button)
            done = act(admin, request, rows)
            if done is None or isinstance(done, HttpResponse):
                return done
            admin.message_user(request, *_told(done))
            return None

        for name, value in (("short_description", description), ("button", button)):
            setattr(run, name, value)
        return run

    return decorate


def _told(done: Deeds | str) -> tuple[str, int]:
    if isinstance(done, str):
        return done, messages.SUCCESS
    if not done[0][0]:
        return gettext("Nothing was changed."), messages.WARNING
    return " ".join(str(text % {"amount": amount}) for amount, text in done), messages.SUCCESS


class ListAdmin(ModelAdmin[M]):
    """A list that can be filtered by what it shows and by its own filters, and by no other column.

    Django lets the address filter by every column of the row (`?password__startswith=…`). By such answers somebody could read a
    hash or a sealed key letter by letter, although no page shows it.
    """

    # With a filter on, Django would also count all rows, to say how many there are without it.
    show_full_result_count = False

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Judges the form once more where somebody else was faster: now it says so at its field, or that the row is gone."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except (DatabaseError, ObjectDoesNotExist) as error:
            if not was_overtaken(error):
                raise
        return super().changeform_view(request, object_id, form_url, extra_context)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if _is_too_long(request.GET.get(SEARCH_VAR, "")):
            text = _("Search for %(words)d words and %(length)d characters at most.")
            self.message_user(request, text % {"words": SEARCH_WORDS, "length": SEARCH_LENGTH}, messages.ERROR)
        return super().changelist_view(request, extra_context)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[M], search_term: str) -> tuple[QuerySet[M], bool]:
        if _is_too_long(search_term):
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        column = lookup.partition(LOOKUP_SEP)[0]
        names = {field.name for field in self.opts.get_fields()} | {field.attname for field in self.opts.concrete_fields}
        return (column not in names or column in self._declared(request)) and super().lookup_allowed(lookup, value, request)

    def _declared(self, request: HttpRequest) -> set[object]:
        filters = (one[0] if isinstance(one, tuple) else one for one in self.get_list_filter(request))
        return {self.date_hierarchy, *self.get_list_display(request), *filters}

    def get_actions(self, request: HttpRequest) -> Any:
        """Without deleting several rows: that is done one by one, each with its own page of what goes with it."""
        return {name: one for name, one in super().get_actions(request).items() if name != "delete_selected"}

    def fits(self, action: str, row: M) -> bool:
        """Whether the page of this row offers the action. A list offers all of them, since its rows differ."""
        return True

    def refused(self, rows: QuerySet[M]) -> dict[M, str]:
        """Rows for which no action runs, and why."""
        return {}

    def name_of(self, row: M) -> str:
        """What the page that asks calls a row."""
        return str(row)

    def ask(self, request: HttpRequest, rows: QuerySet[M], question: Question, *, name: str, title: Message) -> HttpResponse:
        """The page that asks. Its form sends the same action once more, with what was chosen."""
        amount = rows.count()
        everything = request.POST.get(EVERYTHING) == "1" and amount > LISTED
        named = list(rows[:NAMED])
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "subtitle": None,
            "opts": self.opts,
            "media": self.media,
            "question": question.text,
            "ends": question.ends(rows) if question.ends else "",
            "form": question.form(),
            "action": name,
            "named": [self.name_of(row) for row in named],
            "others": amount - len(named),
            # The keys, so that nobody is acted on who came meanwhile. Very many rows the action finds by the filter again, and
            # asks once more where they are not as many as before; Django wants one key all the same.
            "chosen": [named[0].pk] if everything else rows.values_list("pk", flat=True),
            "everything": everything,
            "amount": amount,
            "checkbox": ACTION_CHECKBOX_NAME,
            "from_row": FROM_ROW in request.POST,
            "back": self._page_of(named[0]) if named and FROM_ROW in request.POST else request.get_full_path(),
        }
        request.current_app = self.admin_site.name  # As Django's own pages do.
        return TemplateResponse(request, "admin/confirm_action.html", context)

    def response_action(  # type: ignore[override]  # Django 5.2 gives no place of the action, as its stubs have it.
        self, request: HttpRequest, queryset: QuerySet[M]
    ) -> HttpResponse | None:
        """Back to the page of the row where the action was called there, as long as there is one."""
        try:
            response = super().response_action(request, queryset)
        except (ValueError, ValidationError, OverflowError):  # A key that none of these rows can have.
            return HttpResponseRedirect(request.get_full_path())
        if not isinstance(response, HttpResponseRedirect) or FROM_ROW not in request.POST:
            return response
        row = self.get_object(request, request.POST.get(ACTION_CHECKBOX_NAME, ""))
        return HttpResponseRedirect(self._page_of(row) if row is not None else request.get_full_path())

    def _page_of(self, row: Model) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])

    def render_change_form(  # noqa: PLR0917  Django's signature.
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: M | None = None,
    ) -> HttpResponse:
        """With the actions of the list as buttons, and links to what belongs to the row."""
        if obj is not None:
            actions = self.get_actions(request).items()
            offered = [(name, act) for name, (act, *_names) in actions if hasattr(act, "button") and self.fits(name, obj)]
            context |= {"row_actions": [(name, act.button) for name, act in offered], "belongings": list(self._belongings(obj))}
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _belongings(self, row: M) -> Iterable[tuple[str, str]]:
        """The lists that have a filter `Only` for rows such as this one: what they are called, and the address."""
        for model, of_model in self.admin_site._registry.items():
            for one in of_model.list_filter:
                if not isinstance(one, tuple) or one[1] is not Only:
                    continue
                field = cast("Any", model._meta.get_field(str(one[0])))
                if field.related_model is not type(row):
                    continue
                path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
                name = getattr(of_model, "belonging", None) or model._meta.verbose_name_plural
                yield str(name), f"{path}?{urlencode({f'{one[0]}{LOOKUP_SEP}exact': row.pk})}"


def was_overtaken(error: Exception) -> bool:
    """Whether somebody else has taken a name, or deleted the row, since the form was judged.

    Of an update that finds no row Django says no more than that the database failed.
    """
    return isinstance(error, IntegrityError | ObjectDoesNotExist) or type(error) is DatabaseError


def _became_more_or_fewer(request: HttpRequest, rows: QuerySet[Any]) -> bool:
    return request.POST.get(EVERYTHING) == "1" and request.POST.get(AMOUNT) != str(rows.count())


def _is_too_long(search: str) -> bool:
    return len(search) > SEARCH_LENGTH or len(search.split()) > SEARCH_WORDS


class RecordAdmin(ListAdmin[M]):
    """A record of what happened: to be read, never made or changed here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False
