"""Sealed text opens in its own place, under a key of the ring, or not at all."""

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from chatplatform.core import secrets
from chatplatform.core.secrets import BadKeyRing, CannotUnseal

PLACE = "providers.provider.api_key:1"


def key(name: str) -> str:
    return f"{name}:{base64.b64encode(os.urandom(32)).decode()}"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_sealed_is_unsealed(text: str) -> None:
    sealed = secrets.seal(text, bound_to=PLACE)
    assert secrets.unseal(sealed, bound_to=PLACE) == text


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert secrets.seal("sk-secret", bound_to=PLACE) != secrets.seal("sk-secret", bound_to=PLACE)


def test_it_does_not_open_in_another_place() -> None:
    sealed = secrets.seal("sk-secret", bound_to=PLACE)
    with pytest.raises(CannotUnseal):
        secrets.unseal(sealed, bound_to="providers.provider.api_key:2")


def test_every_changed_character_is_noticed() -> None:
    sealed = secrets.seal("sk-secret", bound_to=PLACE)
    for place, character in enumerate(sealed):
        changed = sealed[:place] + ("A" if character != "A" else "B") + sealed[place + 1 :]
        with pytest.raises(CannotUnseal):
            secrets.unseal(changed, bound_to=PLACE)


@pytest.mark.parametrize("text", ["", "v1", "v1:", "v1::", "sk-plain-text", "v1:nokey:AAAA", "v2:k:AAAA", "v1:k:é", "\ud800"])
def test_what_is_no_sealed_text_is_refused_and_never_returned(text: str) -> None:
    with pytest.raises(CannotUnseal):
        secrets.unseal(text, bound_to=PLACE)


def test_keys_are_rotated(settings: Settings) -> None:
    old, new = key("old"), key("new")
    settings.ENCRYPTION_KEYS = old
    sealed = secrets.seal("sk-secret", bound_to=PLACE)

    settings.ENCRYPTION_KEYS = f"{new}, {old}"
    assert secrets.unseal(sealed, bound_to=PLACE) == "sk-secret"
    assert not secrets.is_sealed_with_newest_key(sealed)
    again = secrets.seal("sk-secret", bound_to=PLACE)
    assert secrets.is_sealed_with_newest_key(again)

    settings.ENCRYPTION_KEYS = new
    assert secrets.unseal(again, bound_to=PLACE) == "sk-secret"
    with pytest.raises(CannotUnseal):
        secrets.unseal(sealed, bound_to=PLACE)


def test_another_key_of_the_same_name_does_not_open_it(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = key("k")
    sealed = secrets.seal("sk-secret", bound_to=PLACE)
    settings.ENCRYPTION_KEYS = key("k")
    with pytest.raises(CannotUnseal):
        secrets.unseal(sealed, bound_to=PLACE)


@pytest.mark.parametrize(
    "ring",
    [
        *("", "k", "k:", ":AAAA", "k:AAAA", "k:not base64!", "k:" + "A" * 44),
        pytest.param(f"{key('k')},{key('k')}", id="two of one name"),
        pytest.param(f"{key('k')},", id="an empty one after it"),
    ],
)
def test_a_bad_key_ring_is_refused_with_a_reason(ring: str) -> None:
    with pytest.raises(BadKeyRing) as refusal:
        secrets.check_key_ring(ring)
    assert str(refusal.value)
    assert "AAAA" not in str(refusal.value)
