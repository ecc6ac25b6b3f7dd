"""Folding a turn's events back into a text: what a JSON answer says of the stream it did not show."""

from __future__ import annotations

from collections.abc import Iterable

from conversations.turns.events import ENDINGS, TextAdded, TurnEnded, TurnEvent


def fold(events: Iterable[TurnEvent]) -> tuple[str, TurnEnded | None]:
    """The whole text, and how it ended, if it has."""
    pieces: list[str] = []
    ended: TurnEnded | None = None
    for event in events:
        if isinstance(event, TextAdded):
            pieces.append(event.text)
        elif isinstance(event, ENDINGS):
            ended = event
    return "".join(pieces), ended
