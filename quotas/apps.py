from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class QuotasConfig(AppConfig):
    name = "quotas"
    verbose_name = _("Quotas")

    def ready(self) -> None:
        from quotas import checks  # noqa: F401  (registers)
        from quotas.seed import seed_tiers_after_migrate

        post_migrate.connect(seed_tiers_after_migrate, sender=self)
