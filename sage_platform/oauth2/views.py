from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from sage_platform.oauth2.metadata import metadata_body

# Clients may keep the document for five minutes, so that a new version of the platform is seen soon after it starts.
METADATA_HEADERS = {
    "Cache-Control": "public, max-age=300",
    # Browser clients of any origin may read it. Without credentials: it is the same for everybody (RFC 8414 §3).
    "Access-Control-Allow-Origin": "*",
}


@csrf_exempt  # Without this a POST would be refused with 403 for its missing token before the 405 of its wrong method.
@require_safe
def server_metadata(_request: HttpRequest) -> HttpResponse:
    """RFC 8414 §3.2 and OpenID Connect Discovery §4.2: raw JSON. The issuer is a setting and never the Host header."""
    return HttpResponse(metadata_body(settings.SAGE_OAUTH2_ISSUER), content_type="application/json", headers=METADATA_HEADERS)
