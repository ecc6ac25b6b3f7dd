"""What a socket's address answers to a request that does not ask for a socket. (`socket.py` answers those that do.)"""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.request import Request

from chatplatform.contracts.chat_system import frames
from chatplatform.contracts.http import ContractViewSet
from chatplatform.contracts.openapi.describing import Answer, described
from chatplatform.core.errors import NotAllowed, UpgradeRequired


class SocketViewSet(ContractViewSet):
    tag = "WebSocket"

    @described(
        "open_session_socket",
        "Open a session's WebSocket",
        enveloped=False,
        answers=(Answer(status=101, media_type="", description="The connection is a WebSocket now."),),
        errors=(UpgradeRequired, NotAllowed),
        security=("bearer", "apiKey", "socketToken"),
        socket=frames.SOCKET,
    )
    def stream(self, request: Request, session_id: str) -> HttpResponse:
        """A WebSocket handshake; anything else is answered with 426. A browser, which can set no header, puts its token into the
        address: `?token=`. A page of another origin is refused with 403 at the handshake.

        Each message is one JSON object in a text frame (`ClientFrame` to the server, `ServerFrame` back). An answer
        is a `stream_start`, a `reference_chunk` for each passage that it was given to read, `content_chunk`s numbered from 1, of
        which the last has `is_final` and no text, and a `stream_end`. Each has the turn's name and the number `n` of its event:
        whoever loses the connection opens another and asks to `resume` after the last one that it has. `message_id` is the
        client's own name of its message: sent again, it attaches to the same turn. A bad frame gets an `error` and leaves the
        socket open. Messages count like messages by HTTP.

        Close codes, each after an `error` frame but the last two:

        * `4401`: not signed in, or not any more: the token expired or was revoked;
        * `4404`: this person has no such session;
        * `4429`: too many sockets of this person, too many requests, or far too many frames;
        * `1012`: the server is being restarted, or cannot serve now; come back and `resume`;
        * `1009`: a frame was too large.
        """
        raise UpgradeRequired
