from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class RetrievalConfig(AppConfig):
    name = "retrieval"
    verbose_name = _("Documents")

    def ready(self) -> None:
        from providers.reloading import agents_declared
        from retrieval.agents import link_topics
        from retrieval.vectors import install_packaged_model

        post_migrate.connect(install_packaged_model, sender=self)
        agents_declared.connect(link_topics)
