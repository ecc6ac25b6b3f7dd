"""Signing in and out, and who is signed in."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from accounts import selectors, services
from chatplatform.contracts.http import ContractViewSet
from chatplatform.contracts.lyss import requests, responses, schemas
from chatplatform.contracts.openapi.describing import described
from chatplatform.core.errors import AlreadyTaken, LockedOut, NotSignedIn, TokenExpired, WrongCredentials


class AuthViewSet(ContractViewSet):
    tag = "Authentication"

    @described("register", "Register", request=requests.Registration, data=schemas.SignedIn, status=201, errors=(AlreadyTaken,))
    def register(self, request: Request) -> HttpResponse:
        asked = self.parse(requests.Registration)
        session = services.register(
            username=asked["username"], email=asked["email"], password=asked["password"], origin=self.incoming.origin
        )
        return self.answer(responses.signed_in(session), _("You are registered."), status=201)

    @described("log_in", "Log in", request=requests.Login, data=schemas.SignedIn, errors=(WrongCredentials, LockedOut))
    def login(self, request: Request) -> HttpResponse:
        asked = self.parse(requests.Login)
        session = services.log_in(identifier=asked["username"], password=asked["password"], origin=self.incoming.origin)
        return self.answer(responses.signed_in(session), _("You are logged in."))

    @described("get_me", "The person who is signed in", data=schemas.User)
    def me(self, request: Request) -> HttpResponse:
        user = selectors.get_user(principal=self.person)
        return self.answer(responses.user(user), _("Your account."))

    @described(
        "refresh_token",
        "Get a new access token",
        request=requests.RefreshRequest,
        data=schemas.Tokens,
        errors=(NotSignedIn, TokenExpired),
    )
    def refresh(self, request: Request) -> HttpResponse:
        """With the refresh token, in the body or as bearer; or with an access token as bearer, even one that has expired, while
        its session lasts."""
        asked = self.parse(requests.RefreshRequest)
        origin = self.incoming.origin
        if asked["refresh_token"]:
            session = services.refresh(refresh_token=asked["refresh_token"], origin=origin)
        else:
            session = services.renew(token=self.incoming.credentials.bearer, origin=origin)
        return self.answer(responses.tokens(session), _("The token was renewed."))

    @described("log_out", "Log out")
    def logout(self, request: Request) -> HttpResponse:
        services.log_out(principal=self.person, origin=self.incoming.origin)
        return self.answer(None, _("You have logged out."))
