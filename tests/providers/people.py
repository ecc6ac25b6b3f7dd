"""Who asks, in tests of providers, and providers to be asked."""

from typing import Any

from accounts.models import User
from accounts.principal import Principal
from chatplatform.core.origin import Origin
from providers import services
from providers.models import Kind, Provider, Scope
from tests.factories import make_user

HERE = Origin(address="192.0.2.1", user_agent="tests", request_id="req_1")
KEY = "sk-canary-0123456789abcdef"
PUBLIC = "https://llm.example.com/v1"


def principal_of(user: User) -> Principal:
    return Principal(user.pk, user.uuid, user.username, user.role, user.tier, None, None)


def person(name: str, **fields: Any) -> Principal:
    return principal_of(make_user(name, **fields))


def administrator(name: str = "root") -> Principal:
    return person(name, role="admin")


def own(principal: Principal, name: str = "hers", **fields: Any) -> Provider:
    """A personal provider, made as she would."""
    given = {"kind": Kind.CUSTOM, "base_url": PUBLIC, "api_key": KEY, "config": {"model": f"{name}-1"}} | fields
    return services.create_provider(principal=principal, name=name, scope=Scope.PERSONAL, origin=HERE, **given)


def shared(admin: Principal, name: str = "acme", **fields: Any) -> Provider:
    """An organization's provider, made as an administrator would, in nobody's hands."""
    given = {"kind": Kind.CUSTOM, "base_url": PUBLIC, "api_key": KEY, "config": {"model": f"{name}-1"}} | fields
    return services.create_provider(principal=admin, name=name, scope=Scope.ORGANIZATION, origin=HERE, **given)


def give(admin: Principal, provider: Provider, *people: Principal) -> None:
    ids = [one.user_id for one in people]
    services.distribute(principal=admin, provider_id=provider.pk, user_ids=ids, origin=HERE)


def change(principal: Principal, provider: Provider, **changes: Any) -> Provider:
    return services.update_provider(principal=principal, provider_id=provider.pk, changes=changes, origin=HERE)
