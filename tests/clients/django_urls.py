"""The pages of the small Django project: who is signed in, that nobody is, and one for its tests."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path


def home(request: HttpRequest) -> HttpResponse:
    names = ("username", "first_name", "email")
    person = {name: getattr(request.user, name) for name in names} if request.user.is_authenticated else None
    return JsonResponse({"person": person})


def refused(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Not signed in", status=403)


def time_passes(request: HttpRequest) -> HttpResponse:
    """As if a quarter of an hour had gone by since mozilla-django-oidc last asked."""
    request.session["oidc_id_token_expiration"] = 0
    return HttpResponse()


urlpatterns = [path("", home), path("refused", refused), path("time_passes", time_passes)]
