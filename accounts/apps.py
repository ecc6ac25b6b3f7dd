from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from django.apps import apps
        from django.contrib.auth.signals import user_logged_in, user_logged_out

        from accounts import signals

        # Of Django's own app operators see the groups only; its name would be a second box about logging in.
        apps.get_app_config("auth").verbose_name = _("Permission groups")
        user_logged_in.connect(signals.record_log_in, dispatch_uid="accounts.record_log_in")
        user_logged_out.connect(signals.record_log_out, dispatch_uid="accounts.record_log_out")
