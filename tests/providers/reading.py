"""A wire's bytes, cut anywhere, read as the machinery reads them; without a connection."""

from collections.abc import Iterable
from itertools import pairwise

from providers.adapters.decoding import Decoder
from providers.base import ProviderError
from providers.ndjson import LineParser
from providers.sse import SSEParser
from tests.providers.conftest import Heard


def read(decoder: Decoder, wire: bytes, *, cuts: Iterable[int] = (), lines: bool = False) -> Heard:
    """What a caller would hear; `cuts` are the places between two reads, `lines` one JSON object a line instead of events."""
    heard = Heard()
    parser: LineParser | SSEParser = LineParser() if lines else SSEParser()
    places = [0, *sorted({cut for cut in cuts if 0 < cut < len(wire)}), len(wire)]
    for start, end in pairwise(places):
        heard.events += decoder.feed(parser.feed(wire[start:end]))
        if decoder.failure:
            heard.error = decoder.failure
            return heard
        if decoder.done:
            break
    try:
        heard.events += decoder.close()
    except ProviderError as error:
        heard.error = error
    return heard
