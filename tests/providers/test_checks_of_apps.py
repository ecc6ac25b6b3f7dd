"""Vendors whose key names an app or a bot, asked whether they are there: the ones that refuse inside a 200 too."""

from collections.abc import Iterator

import pytest

from providers import upstream
from providers.base import Limits, Provider, ProviderError, ProviderFault
from tests.vendors.documented import Vendors, running_vendors
from tests.vendors.wires import WIRES

APPS = ("dify", "fastgpt", "coze")


@pytest.fixture(scope="module")
def vendors() -> Iterator[tuple[str, Vendors]]:
    with running_vendors() as running:
        yield running


def provider(vendors: tuple[str, Vendors], name: str, script: str, path: str = "") -> Provider:
    wire = WIRES[name]
    return wire.provider(wire.endpoint(f"{vendors[0]}/{name}{path}", script, Limits()))


async def check(asked: Provider) -> ProviderFault | None:
    """What is wrong; None: nothing."""
    try:
        await asked.check()
    except ProviderError as error:
        return error.fault
    finally:
        await upstream.close()
    return None


@pytest.mark.parametrize("name", APPS)
async def test_a_vendor_that_takes_the_key_passes_and_is_asked_for_no_answer(name: str, vendors: tuple[str, Vendors]) -> None:
    before = len(vendors[1].requests)
    assert await check(provider(vendors, name, "ok-1")) is None
    assert len(vendors[1].requests) == before


@pytest.mark.parametrize("name", ["fastgpt", "coze"])
async def test_a_refused_key_is_told_though_the_status_is_200(name: str, vendors: tuple[str, Vendors]) -> None:
    assert await check(provider(vendors, name, "401")) is ProviderFault.AUTH


@pytest.mark.parametrize("name", APPS)
async def test_an_address_where_something_else_is_does_not_pass(name: str, vendors: tuple[str, Vendors]) -> None:
    assert await check(provider(vendors, name, "ok-1", "/elsewhere")) is ProviderFault.REJECTED


@pytest.mark.parametrize("name", APPS)
async def test_there_are_no_models_to_choose_from(name: str, vendors: tuple[str, Vendors]) -> None:
    assert await provider(vendors, name, "ok-1").list_models() == ()
