from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in, user_logged_out

        from accounts import signals

        user_logged_in.connect(signals.record_log_in, dispatch_uid="accounts.record_log_in")
        user_logged_out.connect(signals.record_log_out, dispatch_uid="accounts.record_log_out")
