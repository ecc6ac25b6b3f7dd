# Made from chatplatform-client/src/chatplatform_client/_async/people.py by sdk/python/make_sync.py: change that file.
"""Signing in and out; the person herself and her API keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chatplatform_client._sync.connection import Connection, given
from chatplatform_client.decoding import decode, decode_list
from chatplatform_client.models import ApiKey, QuotaState, Session, User
from chatplatform_client.paths import segment


class Auth:
    """Whoever registers or logs in is whom this client asks for from then on; her tokens are renewed by themselves."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def register(self, username: str, email: str, password: str, *, display_name: str = "") -> Session:
        body = {
            "username": username,
            "email": email,
            "password": password,
            "confirm_password": password,
            "display_name": display_name,
        }
        return self._signed_in(self._connection.call("POST", "/auth/register", body=body))

    def login(self, username: str, password: str) -> Session:
        """`username` may be the e-mail address."""
        body = {"username": username, "password": password}
        return self._signed_in(self._connection.call("POST", "/auth/login", body=body))

    def refresh(self) -> Session:
        """New tokens now. (They are renewed by themselves when they have run out.)"""
        body = {"refresh_token": self._connection.credentials.refresh_token}
        return self._signed_in(self._connection.call("POST", "/auth/refresh", body=body))

    def logout(self) -> None:
        """Ends the session, with all its tokens, streams and sockets."""
        self._connection.call("POST", "/auth/logout")
        self._connection.credentials.token = self._connection.credentials.refresh_token = ""

    def forgot_password(self, email: str) -> None:
        self._connection.call("POST", "/auth/forgot-password", body={"email": email})

    def reset_password(self, token: str, new_password: str) -> None:
        """`token` is the one in the mail."""
        body = {"token": token, "new_password": new_password, "confirm_password": new_password}
        self._connection.call("POST", "/auth/reset-password", body=body)

    def _signed_in(self, data: Any) -> Session:
        session = decode(Session, data)
        mine = self._connection.credentials
        mine.token, mine.refresh_token = session.access_token, session.refresh_token
        return session


class Me:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self) -> User:
        return decode(User, self._connection.call("GET", "/users/me"))

    def update(self, *, username: str | None = None, email: str | None = None, display_name: str | None = None) -> User:
        """What is not given stays as it is."""
        body = given(username=username, email=email, display_name=display_name)
        return decode(User, self._connection.call("PUT", "/users/me", body=body))

    def change_password(self, current_password: str, new_password: str) -> None:
        body = {"current_password": current_password, "new_password": new_password, "confirm_password": new_password}
        self._connection.call("POST", "/users/me/change-password", body=body)

    def quota(self) -> QuotaState:
        return decode(QuotaState, self._connection.call("GET", "/users/me/quota"))


class ApiKeys:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self) -> Sequence[ApiKey]:
        return decode_list(ApiKey, (self._connection.call("GET", "/users/me/api-keys"))["api_keys"])

    def create(self, name: str, *, expires_at: datetime | None = None) -> ApiKey:
        """Its `key` is shown this once."""
        body = {"name": name, "expires_at": expires_at and expires_at.isoformat()}
        return decode(ApiKey, self._connection.call("POST", "/users/me/api-keys", body=body))

    def delete(self, key_id: str) -> None:
        self._connection.call("DELETE", f"/users/me/api-keys/{segment(key_id)}")
