"""Providers: one's own, the organization's, and who may use those."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from chatplatform.contracts.http import ContractViewSet, filtered
from chatplatform.contracts.lyss import filters, requests, responses, schemas
from chatplatform.contracts.openapi.describing import described
from chatplatform.core.errors import Conflict, NotAllowed, NotFound
from chatplatform.core.ids import parse_number
from chatplatform.core.pages import page_of
from providers import selectors, services
from providers.errors import ProviderNotFound
from providers.models import Provider


def provider_number(text: str) -> int:
    found = parse_number(text)
    if found is None:
        raise ProviderNotFound
    return found


class ProviderViewSet(ContractViewSet):
    tag = "Providers"

    @described(
        "list_providers", "List providers", data=schemas.Providers, parameters=(*filters.PAGING, *filters.PROVIDER_PARAMETERS)
    )
    def list(self, request: Request) -> HttpResponse:
        """One's own, and those of the organization that one may use; to administrators all of the organization's."""
        visible = selectors.visible_to(self.person)
        wanted = filtered(filters.ProviderFilter(self.incoming.query, providers=visible))
        return self.answer(responses.paged(page_of(wanted, self.page()), self._shown), _("Your providers."))

    @described(
        "create_provider",
        "Add a provider",
        request=requests.NewProvider,
        data=schemas.Provider,
        status=201,
        errors=(NotAllowed, Conflict),
    )
    def create(self, request: Request) -> HttpResponse:
        asked = self.parse(requests.NewProvider)
        provider = services.create_provider(
            principal=self.person,
            name=asked["name"],
            kind=asked["provider_type"],
            scope=asked["scope"],
            api_key=asked["api_key"] or "",
            base_url=asked["api_base_url"] or "",
            config=asked["config"] or {},
            origin=self.incoming.origin,
        )
        return self.answer(self._shown(provider), _("The provider was created."), status=201)

    @described(
        "list_available_providers",
        "The providers that may be asked now, in the order in which they would be",
        data=schemas.AvailableProviders,
    )
    def available(self, request: Request) -> HttpResponse:
        found = selectors.available_to(self.person)
        return self.answer([self._shown(provider) for provider in found], _("The providers that you may use."))

    @described("get_provider", "A provider", data=schemas.Provider)
    def retrieve(self, request: Request, provider_id: str) -> HttpResponse:
        provider = selectors.get_provider(principal=self.person, provider_id=provider_number(provider_id))
        return self.answer(self._shown(provider), _("The provider."))

    @described(
        "update_provider", "Change a provider", request=requests.ProviderChange, data=schemas.Provider, errors=(NotAllowed,)
    )
    def update(self, request: Request, provider_id: str) -> HttpResponse:
        """What is not sent stays, but for the key: another address without a key clears it."""
        changes = self.parse(requests.ProviderChange)
        if "api_base_url" in changes:
            changes["base_url"] = changes.pop("api_base_url")
        provider = services.update_provider(
            principal=self.person,
            provider_id=provider_number(provider_id),
            changes=changes,
            origin=self.incoming.origin,
        )
        return self.answer(self._shown(provider), _("The provider was changed."))

    @described("delete_provider", "Delete a provider", errors=(NotAllowed,))
    def destroy(self, request: Request, provider_id: str) -> HttpResponse:
        services.delete_provider(principal=self.person, provider_id=provider_number(provider_id), origin=self.incoming.origin)
        return self.answer(None, _("The provider was deleted."))

    def _shown(self, provider: Provider) -> dict[str, Any]:
        return responses.provider(provider, self.person)


class DefaultProviderViewSet(ContractViewSet):
    """Ours: the document has a default for everybody, and none for one person."""

    tag = "Providers"

    @described(
        "set_default_provider",
        "Choose who answers where nobody else is asked for",
        request=requests.DefaultProviderChoice,
        data=schemas.DefaultProvider,
        errors=(ProviderNotFound,),
    )
    def update(self, request: Request) -> HttpResponse:
        """It comes first among the available ones. `null`: whoever is first without a choice."""
        provider_id = self.parse(requests.DefaultProviderChoice)["provider_id"]
        services.set_preference(principal=self.person, provider_id=provider_id, origin=self.incoming.origin)
        return self.answer({"provider_id": provider_id}, _("Your default provider was changed."))


class DistributionViewSet(ContractViewSet):
    """For administrators."""

    tag = "Providers"

    @described(
        "distribute_provider",
        "Hand a provider out",
        request=requests.NewDistribution,
        data=schemas.Distributed,
        errors=(NotAllowed,),
    )
    def create(self, request: Request, provider_id: str) -> HttpResponse:
        """To all of these people, or to none when one of them does not exist."""
        number = provider_number(provider_id)
        rows = services.distribute(
            principal=self.person,
            provider_id=number,
            user_ids=self.parse(requests.NewDistribution)["user_ids"],
            origin=self.incoming.origin,
        )
        return self.answer(responses.distributed(number, rows), _("The provider was handed out."))

    @described("undistribute_provider", "Take a provider back from somebody", errors=(NotAllowed,))
    def destroy(self, request: Request, provider_id: str, user_id: str) -> HttpResponse:
        user = parse_number(user_id)
        if user is None:
            raise NotFound
        services.undistribute(
            principal=self.person, provider_id=provider_number(provider_id), user_id=user, origin=self.incoming.origin
        )
        return self.answer(None, _("The provider was taken back."))

    @described("list_distributions", "Whom a provider was handed to", data=schemas.Distributions, errors=(NotAllowed,))
    def list(self, request: Request, provider_id: str) -> HttpResponse:
        rows = selectors.distributions_of(principal=self.person, provider_id=provider_number(provider_id))
        return self.answer([responses.distribution(row) for row in rows], _("Whom the provider was handed to."))
