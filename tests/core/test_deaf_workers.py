"""A worker that hears nothing is known by the messages that wait beside it."""

from __future__ import annotations

import pytest

from chatplatform.celery import app
from chatplatform.core.deafness import Ear, Look, messages_waiting


def ever_deaf(*looks: tuple[float, int, int, bool]) -> bool:
    ear = Ear()
    return [ear.is_deaf(Look(*look)) for look in looks][-1]


def test_messages_that_wait_for_a_minute_while_it_does_nothing_tell():
    assert ever_deaf((0, 3, 7, True), (15, 3, 7, True), (60, 4, 7, True))


@pytest.mark.parametrize(
    "looks",
    [
        [(0, 0, 7, True), (60, 0, 7, True), (120, 0, 7, True)],
        [(0, 3, 7, False), (60, 3, 7, False), (120, 3, 7, False)],
        [(0, 3, 7, True), (30, 3, 7, False), (60, 3, 7, True), (100, 3, 7, True)],
        [(0, 3, 7, True), (30, 3, 8, True), (60, 3, 8, True)],
        [(0, 3, 7, True), (30, 0, 7, True), (60, 3, 7, True)],
        [(0, 3, 7, True), (45, 3, 7, True)],
    ],
    ids=["nothing waits", "it works", "it worked meanwhile", "it was given one meanwhile", "all was taken meanwhile", "not yet"],
)
def test_what_is_no_deafness(looks):
    assert not ever_deaf(*looks)


def test_the_messages_of_a_queue_are_counted_and_a_queue_that_was_never_used_has_none():
    name = "queue-of-a-test"
    assert messages_waiting(app, [name]) == 0
    with app.connection_for_write() as connection:
        for _ in range(3):
            app.send_task("nobody.does.this", queue=name, connection=connection)
        assert messages_waiting(app, [name, "another-one"]) == 3
        assert connection.default_channel.queue_purge(name) == 3
