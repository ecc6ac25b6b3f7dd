"""Signing in and out; the person herself, her quota, her API keys."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from accounts import selectors, services
from chatplatform.contracts.chatgpt_backend import requests, responses, schemas
from chatplatform.contracts.http import ContractViewSet
from chatplatform.contracts.openapi.describing import described
from chatplatform.core.errors import AlreadyTaken, Conflict, LockedOut, NotAllowed, NotFound, NotSignedIn, WrongCredentials
from chatplatform.core.ids import parse_uuid
from quotas.selectors import read_quota


class AuthViewSet(ContractViewSet):
    tag = "Authentication"

    @described(
        "register",
        "Register",
        request=requests.Registration,
        data=schemas.SignedIn,
        status=201,
        errors=(AlreadyTaken,),
    )
    def register(self, request: Request) -> HttpResponse:
        """Makes an account and signs it in. Names and addresses are unique whatever their case."""
        asked = self.parse(requests.Registration)
        session = services.register(
            username=asked["username"],
            email=asked["email"],
            password=asked["password"],
            display_name=asked["display_name"],
            origin=self.incoming.origin,
        )
        return self.answer(responses.signed_in(session), _("The user was registered."), status=201)

    @described(
        "log_in",
        "Log in",
        request=requests.Login,
        data=schemas.SignedIn,
        errors=(WrongCredentials, LockedOut),
    )
    def login(self, request: Request) -> HttpResponse:
        """Begins a session. Too many wrong passwords for a name lock it out for a while, for this address."""
        asked = self.parse(requests.Login)
        session = services.log_in(identifier=asked["username"], password=asked["password"], origin=self.incoming.origin)
        return self.answer(responses.signed_in(session), _("You are logged in."))

    @described(
        "refresh_tokens",
        "Get new tokens",
        request=requests.RefreshRequest,
        data=schemas.SignedIn,
        errors=(NotSignedIn,),
    )
    def refresh(self, request: Request) -> HttpResponse:
        """A refresh token works once: one that comes back a second time ends its session."""
        asked = self.parse(requests.RefreshRequest)
        session = services.refresh(refresh_token=asked["refresh_token"], origin=self.incoming.origin)
        return self.answer(responses.signed_in(session), _("The tokens were renewed."))

    @described("log_out", "Log out")
    def logout(self, request: Request) -> HttpResponse:
        """Ends the session of the token: its other tokens, streams and sockets too."""
        services.log_out(principal=self.person, origin=self.incoming.origin)
        return self.answer(None, _("You are logged out."))

    @described("request_password_reset", "Ask for a password reset by mail", request=requests.ForgottenPassword)
    def forgot_password(self, request: Request) -> HttpResponse:
        """The answer is the same whether or not somebody has the address. The token in the mail works once, for an hour."""
        asked = self.parse(requests.ForgottenPassword)
        services.request_password_reset(email=asked["email"], origin=self.incoming.origin)
        return self.answer(None, _("If the address is known, a mail is on its way."))

    @described("reset_password", "Set a new password with the token from the mail", request=requests.PasswordReset)
    def reset_password(self, request: Request) -> HttpResponse:
        """Ends all sessions."""
        asked = self.parse(requests.PasswordReset)
        services.reset_password(token=asked["token"], new_password=asked["new_password"], origin=self.incoming.origin)
        return self.answer(None, _("The password was reset."))


class MeViewSet(ContractViewSet):
    tag = "Users"

    @described("get_me", "The person who is signed in", data=schemas.UserWithQuota)
    def retrieve(self, request: Request) -> HttpResponse:
        user = selectors.get_user(principal=self.person)
        quota = read_quota(user_id=user.pk, tier=user.tier)
        return self.answer(responses.user_with_quota(user, quota))

    @described(
        "update_me",
        "Change the name or the address",
        request=requests.ProfileChange,
        data=schemas.User,
        errors=(AlreadyTaken,),
    )
    def update(self, request: Request) -> HttpResponse:
        """What is missing or null stays as it is."""
        asked = self.parse(requests.ProfileChange)
        user = services.update_profile(principal=self.person, origin=self.incoming.origin, **asked)
        return self.answer(responses.user(user), _("Your account was updated."))

    @described("change_password", "Change the password", request=requests.PasswordChange, errors=(NotAllowed, Conflict))
    def change_password(self, request: Request) -> HttpResponse:
        """Ends all other sessions. API keys cannot do this."""
        asked = self.parse(requests.PasswordChange)
        services.change_password(
            principal=self.person,
            current_password=asked["current_password"],
            new_password=asked["new_password"],
            origin=self.incoming.origin,
        )
        return self.answer(None, _("The password was changed."))

    @described("get_quota", "How much is used and left", data=schemas.Quota)
    def quota(self, request: Request) -> HttpResponse:
        state = read_quota(user_id=self.person.user_id, tier=self.person.tier)
        return self.answer(responses.quota(state))


class ApiKeyViewSet(ContractViewSet):
    tag = "Users"

    @described("list_api_keys", "List API keys", data=schemas.ApiKeys)
    def list(self, request: Request) -> HttpResponse:
        keys = selectors.list_api_keys(principal=self.person)
        return self.answer({"api_keys": [responses.api_key(key) for key in keys]})

    @described(
        "create_api_key",
        "Create an API key",
        request=requests.NewApiKey,
        data=schemas.CreatedApiKey,
        status=201,
        errors=(NotAllowed, Conflict),
    )
    def create(self, request: Request) -> HttpResponse:
        """The key is shown this once. An API key cannot make another."""
        asked = self.parse(requests.NewApiKey)
        created = services.create_api_key(
            principal=self.person, name=asked["name"], expires_at=asked["expires_at"], origin=self.incoming.origin
        )
        shown = responses.api_key(created.key) | {"key": created.plaintext}
        return self.answer(shown, _("The API key was created. It is shown only this once."), status=201)

    @described("revoke_api_key", "Revoke an API key", errors=(NotAllowed,))
    def destroy(self, request: Request, key_id: str) -> HttpResponse:
        key_uuid = parse_uuid(key_id)
        if key_uuid is None:
            raise NotFound
        services.revoke_api_key(principal=self.person, key_uuid=key_uuid, origin=self.incoming.origin)
        return self.answer(None, _("The API key was revoked."))
