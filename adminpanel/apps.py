from django.apps import AppConfig


class AdminpanelConfig(AppConfig):
    name = "adminpanel"

    def ready(self) -> None:
        from django.contrib import admin
        from django.utils.translation import gettext_lazy as _

        admin.site.site_header = _("chatplatform administration")
        admin.site.site_title = _("chatplatform administration")
        admin.site.index_title = _("Overview")
