"""`manage.py reembed`: all chunks get vectors of another model, while searches go on with the one in use; then it takes over."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chatplatform.core.errors import Conflict, InvalidInput
from providers.models import Provider, Scope
from retrieval.embedders import embedder_for
from retrieval.errors import EmbeddingFailed
from retrieval.models import EmbeddingModel
from retrieval.reembedding import forget, reembed
from retrieval.vectors import MOST_DIMENSIONS

SAY_EVERY = 1_000
"""Chunks."""


class Command(BaseCommand):
    help = (
        "Fills an embedding model with the vectors of all chunks and switches searches over to it when it is complete. "
        "Can be stopped at any time: the next run goes on. What an endpoint embeds here is charged to nobody's allowance."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--model", required=True, help="Its name here. 'packaged' is the one that comes with the platform.")
        parser.add_argument("--provider", help="For a new model: the organization's provider whose endpoint makes the vectors.")
        parser.add_argument("--vendor-model", help="For a new model: what the endpoint calls it. The same as --model by default.")
        parser.add_argument("--dimensions", type=int, help="For a new model: numbers in a vector.")
        parser.add_argument("--forget", action="store_true", help="Delete the vectors of a model that is not in use.")

    def handle(self, *args: Any, **options: Any) -> None:
        model = EmbeddingModel.objects.select_related("provider").filter(name=options["model"]).first()
        try:
            if options["forget"]:
                self._forget(model)
            else:
                self._reembed(model or self._new(options))
        except (EmbeddingFailed, InvalidInput) as error:
            raise CommandError(f"{error.message} What was done is kept; the model in use is the same as before.") from error

    def _forget(self, model: EmbeddingModel | None) -> None:
        if model is None:
            raise CommandError("There is no such model.")
        try:
            forget(model=model)
        except Conflict:
            raise CommandError("This model is in use. Reembed with another one first.") from None
        self.stdout.write(self.style.SUCCESS(f"The vectors of {model.name} are gone."))

    def _reembed(self, model: EmbeddingModel) -> None:
        said = 0

        def say(chunks: int) -> None:
            nonlocal said
            if chunks - said >= SAY_EVERY:
                said = chunks
                self.stdout.write(f"{chunks} chunks embedded")

        reembed(model=model, progress=say)
        self.stdout.write(self.style.SUCCESS(f"Searches use {model.name} now."))

    def _new(self, options: dict[str, Any]) -> EmbeddingModel:
        """Asks the endpoint once before anything is stored."""
        if not options["provider"] or not options["dimensions"]:
            raise CommandError("There is no such model. For a new one name --provider and --dimensions.")
        if not 0 < options["dimensions"] <= MOST_DIMENSIONS:
            raise CommandError(f"--dimensions: 1 to {MOST_DIMENSIONS}.")
        provider = Provider.objects.filter(scope=Scope.ORGANIZATION, name=options["provider"]).first()
        if provider is None:
            raise CommandError("There is no such provider of the organization.")
        model = EmbeddingModel(
            name=options["model"],
            kind=EmbeddingModel.Kind.OPENAI,
            model=options["vendor_model"] or options["model"],
            provider=provider,
            dimensions=options["dimensions"],
        )
        embedder_for(model).embed(["test"])
        model.save()
        return model
