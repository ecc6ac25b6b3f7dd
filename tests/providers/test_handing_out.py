"""Handing the organization's providers to people, and taking them back."""

import pytest

from chatplatform.core.errors import InvalidInput, NotFound
from chatplatform.core.models import AuditEvent
from providers import registry, selectors, services
from providers.base import ProviderError
from providers.errors import ProviderNotAccessible, ProviderNotFound
from providers.models import Distribution
from tests.providers.people import HERE, administrator, give, own, person, shared

pytestmark = pytest.mark.django_db


def test_whom_it_is_handed_to_sees_it_and_may_use_it_and_nobody_else() -> None:
    root, alice, bob = administrator(), person("alice"), person("bob")
    provider = shared(root)
    assert not selectors.visible_to(alice).exists()
    rows = services.distribute(principal=root, provider_id=provider.pk, user_ids=[alice.user_id], origin=HERE)
    assert [(row.user.username, row.distributed_by_id, row.is_active) for row in rows] == [("alice", root.user_id, True)]
    assert selectors.get_provider(principal=alice, provider_id=provider.pk) == provider
    assert registry.find_routes(principal=alice, provider_id=provider.pk)[0].provider_id == provider.pk
    with pytest.raises(ProviderNotFound):
        selectors.get_provider(principal=bob, provider_id=provider.pk)
    with pytest.raises(ProviderNotAccessible):
        registry.find_routes(principal=bob, provider_id=provider.pk)


def test_all_get_it_or_nobody_and_the_answer_names_those_who_are_missing() -> None:
    root, alice = administrator(), person("alice")
    provider = shared(root)
    wanted = [alice.user_id, 10**9, -1, 10**30, 0]
    with pytest.raises(InvalidInput) as refused:
        services.distribute(principal=root, provider_id=provider.pk, user_ids=wanted, origin=HERE)
    assert refused.value.field == "user_ids"
    assert all(str(missing) in refused.value.issue for missing in wanted[1:])
    named = refused.value.issue.rstrip(".。").replace("：", ": ").rpartition(": ")[2]
    assert str(alice.user_id) not in named.replace("、", ", ").split(", ")
    assert not Distribution.objects.exists()
    assert not AuditEvent.objects.filter(action="provider.distributed").exists()


@pytest.mark.parametrize("wanted", [[], "12", [True], ["1"], [1.0], None, list(range(1, 1_002))])
def test_what_is_no_list_of_ids_is_refused(wanted: object) -> None:
    root = administrator()
    with pytest.raises(InvalidInput):
        services.distribute(principal=root, provider_id=shared(root).pk, user_ids=wanted, origin=HERE)  # type: ignore[arg-type]
    assert not Distribution.objects.exists()


def test_handed_out_twice_it_is_the_same_row_and_after_being_taken_back_a_fresh_date() -> None:
    root, other, alice = administrator(), administrator("ruth"), person("alice")
    provider = shared(root)
    ids = [alice.user_id, alice.user_id]
    (first,) = services.distribute(principal=root, provider_id=provider.pk, user_ids=ids, origin=HERE)
    (second,) = services.distribute(principal=other, provider_id=provider.pk, user_ids=[alice.user_id], origin=HERE)
    assert (second.pk, second.distributed_by_id, second.distributed_at) == (first.pk, root.user_id, first.distributed_at)

    services.undistribute(principal=root, provider_id=provider.pk, user_id=alice.user_id, origin=HERE)
    (row,) = selectors.distributions_of(principal=root, provider_id=provider.pk)
    assert (row.pk, row.is_active) == (first.pk, False)
    with pytest.raises(NotFound):
        services.undistribute(principal=root, provider_id=provider.pk, user_id=alice.user_id, origin=HERE)

    (third,) = services.distribute(principal=other, provider_id=provider.pk, user_ids=[alice.user_id], origin=HERE)
    assert (third.pk, third.is_active, third.distributed_by_id) == (first.pk, True, other.user_id)
    assert third.distributed_at > first.distributed_at


def test_what_was_taken_back_answers_no_more_not_even_a_turn_that_has_its_route() -> None:
    root, alice = administrator(), person("alice")
    provider = shared(root)
    give(root, provider, alice)
    (route,) = registry.find_routes(principal=alice, provider_id=provider.pk)
    registry.open_provider(route)
    services.set_preference(principal=alice, provider_id=provider.pk, origin=HERE)
    services.undistribute(principal=root, provider_id=provider.pk, user_id=alice.user_id, origin=HERE)
    with pytest.raises(ProviderError):
        registry.open_provider(route)
    with pytest.raises(ProviderNotAccessible):
        registry.find_routes(principal=alice, provider_id=provider.pk)
    give(root, provider, alice)
    registry.open_provider(route)


def test_nobody_hands_out_what_is_personal() -> None:
    root, alice = administrator(), person("alice")
    with pytest.raises(InvalidInput):
        services.distribute(principal=root, provider_id=own(root).pk, user_ids=[alice.user_id], origin=HERE)
    with pytest.raises(ProviderNotFound):
        services.distribute(principal=root, provider_id=own(alice).pk, user_ids=[alice.user_id], origin=HERE)
