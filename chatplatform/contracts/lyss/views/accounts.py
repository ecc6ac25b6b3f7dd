"""Signing in and out, and who is signed in."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from accounts import selectors, services
from chatplatform.contracts.http import ContractViewSet
from chatplatform.contracts.lyss import requests, responses, schemas
from chatplatform.contracts.lyss.schemas import described


class AuthViewSet(ContractViewSet):
    @described("Register", kind="register", request=requests.Registration, data=schemas.SignedIn, status=201)
    def register(self, request: Request) -> HttpResponse:
        asked = self.parse(requests.Registration)
        session = services.register(
            username=asked["username"], email=asked["email"], password=asked["password"], origin=self.incoming.origin
        )
        return self.answer(responses.signed_in(session), _("You are registered."), status=201)

    @described("Log in", kind="sign_in", request=requests.Login, data=schemas.SignedIn)
    def login(self, request: Request) -> HttpResponse:
        asked = self.parse(requests.Login)
        session = services.log_in(identifier=asked["username"], password=asked["password"], origin=self.incoming.origin)
        return self.answer(responses.signed_in(session), _("You are logged in."))

    @described("The person who is signed in", kind="list", data=schemas.User)
    def me(self, request: Request) -> HttpResponse:
        user = selectors.get_user(principal=self.person)
        return self.answer(responses.user(user), _("Your account."))

    @described("Get a new access token", kind="sign_in", request=requests.RefreshRequest, data=schemas.Tokens)
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

    @described("Log out", kind="list")
    def logout(self, request: Request) -> HttpResponse:
        services.log_out(principal=self.person, origin=self.incoming.origin)
        return self.answer(None, _("You have logged out."))
