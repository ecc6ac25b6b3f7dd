# Made from chatplatform-client/src/chatplatform_client/_async/socket.py by sdk/python/make_sync.py: change that file.
"""Several answers at a time over one WebSocket, which comes back by itself.

Whoever reads an answer reads the socket for all of them, and puts what belongs to the others aside for them. When the socket is
lost, the next reader opens another one and asks for each answer's events after the last that came; a message whose answer had
not begun is sent again under the same name, which makes it the same message.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from chatplatform_client._sync._runtime import Lock, sleep
from chatplatform_client._sync.connection import CONNECT_SECONDS, Call, Connection, given, lost_connection, new_key
from chatplatform_client._sync.frames import ENDINGS, Frame
from chatplatform_client._sync.stream import TurnStream
from chatplatform_client.errors import (
    APIConnectionError,
    APIError,
    AuthenticationError,
    ChatPlatformError,
    api_error,
    socket_refusal,
)
from chatplatform_client.retries import PATIENCE_SECONDS, pause_to_come_back

_SIGNED_OUT = 4401


class ChatSocket:
    """Use it with `with`. Its answers may be read one after the other or in turns, by several tasks at a time.

    The blocking one belongs to one thread.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._url = "ws" + connection.base.removeprefix("http") + "/ws/chat"
        self._socket: ClientConnection | None = None
        self._used = ""
        self._reading = Lock()
        self._running: list[_SocketFrames] = []
        self._lost_at: float | None = None
        self._attempt = 0
        self._is_closed = False

    def send(
        self,
        conversation_id: str,
        content: str,
        *,
        model: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        idempotency_key: str | None = None,
    ) -> TurnStream:
        """What is refused is raised when the answer is read."""
        message = given(
            type="chat_message",
            conversation_id=conversation_id,
            content=content,
            model=model,
            temperature=temperature,
            max_tokens=max_tokens,
            client_message_id=idempotency_key or new_key(),
        )
        return self._begin(_SocketFrames(self, message))

    def resume(self, turn_id: str, *, after: int = 0) -> TurnStream:
        """The events of a turn after number `after`, whoever began it and wherever."""
        return self._begin(_SocketFrames(self, {}, turn_id=turn_id, last=after))

    def close(self) -> None:
        """Answers go on being written."""
        self._is_closed = True
        if self._socket is not None:
            self._socket.close()

    def __enter__(self) -> ChatSocket:
        self._connect()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # --- Frames

    def _begin(self, frames: _SocketFrames) -> TurnStream:
        self._running.append(frames)
        self.tell(frames.opening())
        return TurnStream(frames)

    def tell(self, frame: Mapping[str, Any]) -> None:
        assert self._socket is not None, "use it with `with`"
        with suppress(ConnectionClosed):  # whoever reads next notices, and opens another one
            self._socket.send(json.dumps(frame))

    def read_for(self, frames: _SocketFrames) -> None:
        """Reads until there is something for `frames`."""
        while not frames.waiting:
            # One frame at a time, so that a reader whose frame another one has read need not wait for that one's own.
            with self._reading:
                if not frames.waiting:
                    self._read_one()

    def forget(self, frames: _SocketFrames) -> None:
        if frames in self._running:
            self._running.remove(frames)

    def _read_one(self) -> None:
        assert self._socket is not None, "use it with `with`"
        try:
            frame = json.loads(self._socket.recv())
        except ConnectionClosed as closed:
            self._come_back(closed)
            return
        kind, n = str(frame.get("type", "")).removeprefix("message_"), frame.get("n")
        if n is not None:
            self._give(Frame(kind, frame, n))
        elif kind == "error":
            self._refuse(frame)

    def _give(self, frame: Frame) -> None:
        meant = [one for one in self._running if one.turn_id == frame.data["turn_id"]]
        if frame.kind == "start" or not meant:
            # A start does not say which message it answers: answers begin in the order in which their messages were sent.
            here = frame.data.get("conversation_id")
            meant += [one for one in self._running if not one.turn_id and one.conversation_id == here][:1]
        for one in meant:
            if one.take(frame):
                self._lost_at, self._attempt = None, 0

    def _refuse(self, frame: Mapping[str, Any]) -> None:
        """A frame of ours was refused. What names none of them is about the socket, which is then closed with a code."""
        key, turn_id = frame.get("client_message_id"), frame.get("turn_id")
        for one in self._running:
            if (key and one.key == key) or (turn_id and one.turn_id == turn_id):
                one.waiting.append(socket_refusal(frame))

    # --- Coming back

    def _connect(self) -> None:
        self._used = self._connection.credentials.token
        headers = self._connection.headers(Call("GET", self._url))
        try:
            opening = connect(self._url, additional_headers=headers, open_timeout=CONNECT_SECONDS, max_size=None)
            self._socket = opening.__enter__()  # the library's blocking half wants to be entered
        except InvalidStatus as refused:
            answer = refused.response
            raise api_error(answer.status_code, (answer.body or b"").decode(errors="replace"), answer.headers) from refused
        except (OSError, InvalidHandshake, EOFError) as error:
            raise lost_connection(self._url, error) from error

    def _come_back(self, closed: ConnectionClosed) -> None:
        """Opens another socket and asks for the rest of all that is running. Raises when there is no sense in it."""
        failure: ChatPlatformError = lost_connection(self._url, closed)
        if self._is_closed:
            raise failure
        self._lost_at = self._lost_at or time.monotonic()
        if closed.rcvd is not None and closed.rcvd.code == _SIGNED_OUT and not self._connection.sign_in_again(self._used):
            raise AuthenticationError("not signed in any more", status=401) from closed
        while True:
            seconds = pause_to_come_back(failure, self._attempt)
            if seconds is None or time.monotonic() + seconds - self._lost_at > PATIENCE_SECONDS:
                raise failure
            sleep(seconds)
            self._attempt += 1
            try:
                self._connect()
            except (APIConnectionError, APIError) as again:
                failure = again
                continue
            for one in self._running:
                self.tell(one.opening())
            return


class _SocketFrames:
    """One answer's share of a socket."""

    def __init__(self, socket: ChatSocket, message: Mapping[str, Any], *, turn_id: str = "", last: int = 0) -> None:
        self.turn_id = turn_id
        self.waiting: deque[Frame | ChatPlatformError] = deque()
        self._socket = socket
        self._message = message
        self._last = last

    @property
    def conversation_id(self) -> Any:
        return self._message.get("conversation_id")

    @property
    def key(self) -> Any:
        return self._message.get("client_message_id")

    def opening(self) -> Mapping[str, Any]:
        """What asks for all events that have not come yet."""
        if self.turn_id:
            return {"type": "resume", "turn_id": self.turn_id, "after": self._last}
        return self._message

    def take(self, frame: Frame) -> bool:
        """Whether it was new."""
        if frame.n <= self._last and frame.kind not in ENDINGS:
            return False
        self._last, self.turn_id = frame.n, str(frame.data["turn_id"])
        self.waiting.append(frame)
        return True

    def next(self) -> Frame:
        self._socket.read_for(self)
        found = self.waiting.popleft()
        if isinstance(found, ChatPlatformError):
            self.close()
            raise found
        return found

    def stop(self) -> None:
        if self.turn_id:
            self._socket.tell({"type": "stop", "turn_id": self.turn_id})

    def close(self) -> None:
        self._socket.forget(self)
