"""The models that may be asked for."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.principal import Principal
from chatplatform.contracts.http import ContractViewSet
from chatplatform.contracts.openai import responses, schemas
from chatplatform.contracts.openapi.describing import described
from providers.errors import UnknownModel
from providers.selectors import list_models
from retrieval.embeddings import list_embedding_models


class ModelViewSet(ContractViewSet):
    tag = "Models"

    @described("list_models", "The models that this person may ask for", data=schemas.Models)
    def list(self, request: Request) -> HttpResponse:
        return self.answer({"object": "list", "data": list(models_of(self.person).values())})


class SingleModelViewSet(ContractViewSet):
    tag = "Models"

    @described("get_model", "A model", data=schemas.Model)
    def retrieve(self, request: Request, model: str) -> HttpResponse:
        return self.answer(model_named(model, self.person))


class OwnedModelViewSet(ContractViewSet):
    """A slash in a name arrives as one in the path, however the client wrote it."""

    tag = "Models"

    @described("get_owned_model", "A model with an owner in its name", data=schemas.Model)
    def retrieve(self, request: Request, owner: str, model: str) -> HttpResponse:
        return self.answer(model_named(f"{owner}/{model}", self.person))


def model_named(name: str, principal: Principal) -> dict[str, Any]:
    """Raises UnknownModel."""
    found = models_of(principal).get(name)
    if found is None:
        raise UnknownModel(name)
    return found


def models_of(principal: Principal) -> dict[str, dict[str, Any]]:
    """By name, those that answer before those that make vectors."""
    found = {view.name: responses.model(view) for view in list_models(principal=principal)}
    for row in list_embedding_models():
        found.setdefault(row.model, responses.embedding_model(row))
    return found
