from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from sage_platform.api import seams


class AccountsConfig(AppConfig):
    name = "sage_platform.accounts"
    label = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from sage_platform.accounts.services import pruning
        from sage_platform.accounts.sign_in_options import sign_in_options

        seams.info_parts.register("sign_in", sign_in_options)
        for name, rows in pruning.PRUNABLE.items():
            seams.prunable.register(name, rows)
