from django.apps import AppConfig
from django.db.models.signals import post_delete, post_migrate
from django.utils.translation import gettext_lazy as _


class RetrievalConfig(AppConfig):
    name = "retrieval"
    verbose_name = _("Documents")

    def ready(self) -> None:
        from providers.reloading import agents_declared
        from retrieval import storage
        from retrieval.agents import link_topics
        from retrieval.models import Document
        from retrieval.vectors import install_packaged_model

        post_delete.connect(storage.discard_with_document, sender=Document)  # whoever deletes it: an account, too
        post_migrate.connect(install_packaged_model, sender=self)
        agents_declared.connect(link_topics)
