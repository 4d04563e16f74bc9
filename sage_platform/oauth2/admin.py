"""Nothing of OAuth2 works yet, so the admin shows none of it.

The toolkit registers the swapped models by itself; its app stands before ours in INSTALLED_APPS, so this module runs
later.
"""

from django.contrib import admin

from sage_platform.oauth2.models import AccessToken, Application, Grant, IDToken, RefreshToken

admin.site.unregister([Application, Grant, AccessToken, RefreshToken, IDToken])
