"""Texts of Django's that its own catalogues lack in a language of ours: named here, they get their translation in ours.

`tests/pages` walks the pages and notices what is left.
"""

from django.utils.translation import gettext_noop as _

# The tables of the administration, for those who hear them, and the form of a new user.
TEXTS = (
    _("Search %(name)s"),
    _("Model name"),
    _("Add link"),
    _("Change or view list link"),
    _("After you’ve created a user, you’ll be able to edit more user options."),
)
