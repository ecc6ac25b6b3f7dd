"""What each vendor can do wrong in its own wire, and that a caller sees the same of it. `pytest -s` prints the table."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace

import pytest

from providers import upstream
from providers.base import FinishReason, Limits, ProviderError, ProviderFault, UsageReported
from tests.providers.conftest import Heard
from tests.vendors.documented import Vendors, running_vendors
from tests.vendors.scripts import words
from tests.vendors.wire import CACHED_TOKENS, KEY, PROMPT_TOKENS, Wire
from tests.vendors.wires import WIRES

SHORT = {"closing": 0.3}
LATE = {"first_token": 0.5}
SILENT = {"silence": 0.4}


@dataclass(frozen=True, slots=True)
class Fault:
    """What a vendor does, and what comes of it."""

    id: str
    """As in the list of faults that a streaming chat must survive."""
    script: str
    text: str = ""
    fault: ProviderFault | None = None
    """None: the answer is complete."""
    calls: int | None = None
    """How often the vendor is asked; None: it depends on the wire."""
    finish: FinishReason = FinishReason.STOP


FAULTS = (
    Fault("F-00", "ok-20", words(20), calls=1),
    Fault("F-01", "401", fault=ProviderFault.AUTH, calls=1),
    Fault("F-01", "echo-key", fault=ProviderFault.AUTH, calls=1),
    Fault("F-02", "429-ra1", words(3), calls=2),
    Fault("F-02", "429-ra999999", fault=ProviderFault.BUSY, calls=1),
    Fault("F-03", "500", fault=ProviderFault.UNAVAILABLE, calls=3),
    Fault("F-03", "500-once", words(3), calls=2),
    Fault("F-03", "502-html", fault=ProviderFault.UNAVAILABLE, calls=3),
    Fault("F-03", "html-in-200", fault=ProviderFault.PROTOCOL, calls=3),
    Fault("F-04", "slow-first-30", fault=ProviderFault.TIMEOUT, calls=1),
    Fault("F-05", "stall-after-5", words(5), ProviderFault.STALLED, calls=1),
    Fault("F-06", "no-close", words(3), calls=1),
    Fault("F-07", "cut-after-5", words(5), ProviderFault.CUT, calls=1),
    Fault("F-07", "rst", words(5), ProviderFault.CUT, calls=1),
    Fault("F-07", "cut-after-0", fault=ProviderFault.CUT, calls=3),
    Fault("F-08", "error-after-0", fault=ProviderFault.BUSY),
    Fault("F-08", "error-after-20", words(20), ProviderFault.BUSY, calls=1),
    Fault("F-09", "bad-events", "good again", calls=1),
    Fault("F-09", "half-event", words(5), ProviderFault.CUT, calls=1),
    Fault("F-09", "long-event", fault=ProviderFault.PROTOCOL, calls=1),
    Fault("F-09", "redirect", fault=ProviderFault.PROTOCOL, calls=1),
    Fault("F-09", "gzip", fault=ProviderFault.PROTOCOL, calls=1),
    Fault("F-09", "ok-9-split-1", words(9), calls=1),
    Fault("F-09", "ok-9-split-7", words(9), calls=1),
    Fault("F-10", "empty", fault=ProviderFault.EMPTY, calls=2),
    Fault("F-10", "empty-body", fault=ProviderFault.CUT, calls=3),
    Fault("F-10", "reasoning-only", fault=ProviderFault.EMPTY, calls=1),
    Fault("F-10", "no-usage", "counted", calls=1),
    Fault("F-10", "odd-usage", "counted", calls=1),
    Fault("F-11", "huge-2", ("x" * 9_999 + "\n") * 100, calls=1, finish=FinishReason.LENGTH),
    Fault("F-12", "nul", "a\ufffdb 你好😀", calls=1),
)


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[str, Vendors]]:
    with running_vendors() as running:
        yield running


@pytest.fixture
def vendors(running: tuple[str, Vendors]) -> tuple[str, Vendors]:
    running[1].requests.clear()
    return running


@pytest.fixture(scope="module")
def table() -> Iterator[dict[tuple[str, str], dict[str, str]]]:
    """(fault, script) to what each wire's caller saw: characters, ending, how often the vendor was asked. Printed at the end."""
    seen: dict[tuple[str, str], dict[str, str]] = {}
    yield seen
    print(f"\n{'fault':6}{'script':16}" + "".join(f"{name:32}" for name in WIRES))
    for (fault, script), row in seen.items():
        print(f"{fault:6}{script:16}" + "".join(f"{row.get(name, ''):32}" for name in WIRES))


@pytest.fixture(autouse=True)
async def _nothing_left_open() -> AsyncIterator[None]:
    yield
    await upstream.close()


async def listen(wire: Wire, address: str, script: str, **limits: float) -> Heard:
    """One answer to its end."""
    heard = Heard()
    endpoint = wire.endpoint(f"{address}/{wire.name}", script, Limits(**limits))  # type: ignore[arg-type]
    try:
        async for event in wire.provider(endpoint).stream(wire.request(script)):
            heard.events.append(event)
    except ProviderError as error:
        heard.error = error
    return heard


def told(heard: Heard, calls: int) -> str:
    """In a cell of the table."""
    end = heard.error.fault.removeprefix("provider_") if heard.error else heard.finished and f"complete, {heard.finished.reason}"
    return f"{len(heard.text)}, {end}, {calls}x"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.id}-{fault.script}")
async def test_a_fault_is_the_same_to_the_caller_whoever_has_it(
    fault: Fault, vendors: tuple[str, Vendors], table: dict[tuple[str, str], dict[str, str]]
) -> None:
    address, server = vendors
    limits = {"F-04": LATE, "F-05": SILENT, "F-06": SHORT}.get(fault.id, {})
    wires = [wire for wire in WIRES.values() if wire.thinks or fault.script != "reasoning-only"]
    answers = await asyncio.gather(*(listen(wire, address, fault.script, **limits) for wire in wires))
    calls = [len(server.asked(wire.name, fault.script)) for wire in wires]
    row = table.setdefault((fault.id, fault.script), {})
    row |= {wire.name: told(heard, count) for wire, heard, count in zip(wires, answers, calls, strict=True)}
    for wire, heard, count in zip(wires, answers, calls, strict=True):
        is_as_expected(fault, wire, heard, count)


def is_as_expected(fault: Fault, wire: Wire, heard: Heard, calls: int) -> None:
    expected = wire.busy_inside if fault.id == "F-08" else fault.fault
    assert (wire.name, heard.text, heard.error and heard.error.fault) == (wire.name, fault.text, expected)
    if fault.calls is not None:
        assert (wire.name, calls) == (wire.name, fault.calls)
    if heard.error:
        assert KEY not in f"{heard.error!r} {heard.error.detail} {heard.error.__cause__!r}"
        assert "<" not in heard.error.detail
        assert not heard.error.detail or heard.error.detail.isprintable()
    else:
        assert heard.finished is not None
        told_apart = wire.limits_answers or fault.id == "F-11"
        assert (wire.name, heard.finished.reason) == (wire.name, fault.finish if told_apart else FinishReason.STOP)


@pytest.mark.parametrize("wire", WIRES.values(), ids=list(WIRES))
async def test_usage_tells_cached_tokens_apart_where_the_vendor_does(wire: Wire, vendors: tuple[str, Vendors]) -> None:
    heard = await listen(wire, vendors[0], "ok-20")
    assert heard.usage == UsageReported(PROMPT_TOKENS, 20, cached_tokens=CACHED_TOKENS if wire.caches else 0)


@pytest.mark.parametrize("script", ["no-usage", "odd-usage"])
@pytest.mark.parametrize("wire", WIRES.values(), ids=list(WIRES))
async def test_missing_and_absurd_usage_is_none(wire: Wire, script: str, vendors: tuple[str, Vendors]) -> None:
    assert (await listen(wire, vendors[0], script)).usage is None


@pytest.mark.parametrize("wire", WIRES.values(), ids=list(WIRES))
async def test_reasoning_and_answer_are_kept_apart(wire: Wire, vendors: tuple[str, Vendors]) -> None:
    heard = await listen(wire, vendors[0], "reasoning")
    assert (heard.reasoning, heard.text) == ("let me think" if wire.thinks else "", "42")


@pytest.mark.parametrize("wire", WIRES.values(), ids=list(WIRES))
async def test_an_answer_that_was_cut_at_its_longest_says_so_where_the_vendor_does(
    wire: Wire, vendors: tuple[str, Vendors]
) -> None:
    heard = await listen(wire, vendors[0], "length")
    assert heard.finished is not None
    assert heard.finished.reason is (FinishReason.LENGTH if wire.limits_answers else FinishReason.STOP)


@pytest.mark.parametrize("wire", WIRES.values(), ids=list(WIRES))
async def test_a_check_passes_where_the_vendor_is_and_fails_where_it_is_not(wire: Wire, vendors: tuple[str, Vendors]) -> None:
    there = wire.endpoint(f"{vendors[0]}/{wire.name}", "ok-1", Limits())
    await wire.provider(there).check()
    with pytest.raises(ProviderError) as failed:
        await wire.provider(replace(there, base_url="http://127.0.0.1:1")).check()
    assert failed.value.fault is ProviderFault.UNAVAILABLE
    assert KEY not in str(failed.value)
