"""The page on which people see what they have allowed, and withdraw it."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from sage_platform.accounts.requests import PageRequest
from sage_platform.oauth2 import consents, scopes
from sage_platform.pages.directions import isolated
from sage_platform.pages.page import page


@page("GET", "HEAD", "POST", signed_in=True)
def connected(request: HttpRequest) -> HttpResponse:
    # `signed_in=True` has let nobody else in.
    rows = consents.of_user(cast(PageRequest, request).user)
    if request.method == "POST":
        named = request.POST.get("consent", "")
        consent = rows.filter(pk=int(named)).first() if named.isascii() and named.isdigit() and len(named) < 19 else None
        if consent is None:
            messages.info(request, _("That application was not connected any more."))
        else:
            consents.withdraw(consent)
            messages.success(request, _("%(name)s is no longer connected.") % {"name": isolated(consent.application)})
        return HttpResponseRedirect(request.path)
    shown = [{"consent": row, "scopes": scopes.texts(row.scopes.split())} for row in rows]
    return render(request, "oauth2/consents.html", {"rows": shown})
