"""The page on which people see the files that they have stored, and delete them."""

from typing import cast

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException

from sage_platform.accounts.models import User
from sage_platform.accounts.requests import PageRequest
from sage_platform.api import seams
from sage_platform.pages.directions import isolated
from sage_platform.pages.page import page
from uploads.models import Upload
from uploads.services import deleting

EACH_PAGE = 50


@page("GET", "HEAD", "POST", signed_in=True)
def files(request: HttpRequest) -> HttpResponse:
    # `signed_in=True` has let nobody else in.
    user = cast(PageRequest, request).user
    rows = Upload.objects.for_user(user).stored()
    if request.method == "POST":
        _delete(request, rows.known_as(request.POST.get("upload", "")), user)
        return HttpResponseRedirect(request.get_full_path())
    shown = Paginator(rows.newest_first(), EACH_PAGE).get_page(request.GET.get("page"))
    context = {"files": shown, "used": rows.bytes(), "quota": 0 if user.is_admin else settings.SAGE_UPLOAD_QUOTA_BYTES}
    return render(request, "uploads/files.html", context)


def _delete(request: HttpRequest, row: Upload | None, user: User) -> None:
    try:
        if row is None:  # As when it was deleted in another window.
            raise deleting.gone()
        deleting.delete(row, actor=user)
    except APIException as error:
        messages.error(request, str(error.detail))
    else:
        messages.success(request, _("%(name)s is deleted.") % {"name": isolated(row)})


def account_panel(request: HttpRequest) -> seams.Panel:
    """How much a person has stored, and the way to the page: one query."""
    mine = Upload.objects.for_user(cast(PageRequest, request).user).stored()
    return seams.Panel("uploads/account_panel.html", mine.aggregate(amount=Count("pk"), bytes=Sum("size", default=0)))
