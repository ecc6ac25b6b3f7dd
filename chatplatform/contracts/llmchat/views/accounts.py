"""Signing in and out, by e-mail address."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from accounts import services
from chatplatform.contracts.http import ContractViewSet
from chatplatform.contracts.llmchat import requests, responses, schemas
from chatplatform.contracts.openapi.describing import described
from chatplatform.core.errors import AlreadyTaken, LockedOut, NotSignedIn, TokenExpired, WrongCredentials


class AuthViewSet(ContractViewSet):
    tag = "Authentication"

    @described("register", "Register", request=requests.Registration, data=schemas.SignedIn, status=201, errors=(AlreadyTaken,))
    def register(self, request: Request) -> HttpResponse:
        """Makes an account and signs it in. Addresses are unique whatever their case."""
        asked = self.parse(requests.Registration)
        session = services.register(
            email=asked["email"],
            password=asked["password"],
            display_name=asked["name"] or "",
            origin=self.incoming.origin,
        )
        return self.answer(responses.signed_in(session), _("You are registered."), status=201)

    @described("log_in", "Log in", request=requests.Login, data=schemas.SignedIn, errors=(WrongCredentials, LockedOut))
    def login(self, request: Request) -> HttpResponse:
        """Begins a session. Too many wrong passwords for a name lock it out for a while, for this address."""
        asked = self.parse(requests.Login)
        session = services.log_in(identifier=asked["email"], password=asked["password"], origin=self.incoming.origin)
        return self.answer(responses.signed_in(session), _("You are logged in."))

    @described(
        "refresh_tokens",
        "Get new tokens",
        request=requests.RefreshRequest,
        data=schemas.SignedIn,
        errors=(NotSignedIn, TokenExpired),
    )
    def refresh(self, request: Request) -> HttpResponse:
        """With the refresh token in the body, or as bearer. It works once: one that comes back a second time ends its session."""
        token = self.parse(requests.RefreshRequest)["refreshToken"] or self.incoming.credentials.bearer
        session = services.refresh(refresh_token=token, origin=self.incoming.origin)
        return self.answer(responses.signed_in(session), _("The token was renewed."))

    @described("log_out", "Log out")
    def logout(self, request: Request) -> HttpResponse:
        """Ends the session of the token: its other tokens and streams too."""
        services.log_out(principal=self.person, origin=self.incoming.origin)
        return self.answer(None, _("You are logged out."))
