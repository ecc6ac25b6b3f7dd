"""Whatever comes as a bearer token, the answer is a principal or "not signed in", never a crash."""

import base64
import json
import time
import uuid
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.utils import timezone

from accounts import door, services, tokens
from accounts.door import Credentials
from accounts.models import User
from chatplatform.core.errors import NotSignedIn, TokenExpired
from tests.accounts.helpers import HOME, sign_in

KEY = str(settings.SIMPLE_JWT["SIGNING_KEY"])


def enter(token: str) -> door.Principal:
    return door.authenticate(Credentials(bearer=token))


def good_claims(alice: User) -> dict[str, Any]:
    return jwt.decode(sign_in(alice).access_token, options={"verify_signature": False})


def test_an_access_token_names_its_person_and_its_session(alice: User) -> None:
    principal = enter(sign_in(alice).access_token)
    assert (principal.user_id, principal.user_uuid, principal.username) == (alice.id, alice.uuid, "alice")
    assert principal.session_id is not None
    assert principal.api_key_id is None
    assert principal.expires_at == pytest.approx(time.time() + 1800, abs=10)
    assert (principal.is_admin, principal.is_vip) == (False, False)


def test_a_token_made_of_the_same_claims_by_hand_is_good(alice: User) -> None:
    """So that the refusals below are for what they change."""
    assert enter(jwt.encode(good_claims(alice), KEY, "HS256")).user_id == alice.id


@pytest.mark.parametrize("missing", ["exp", "jti", "token_type", "sub", "sid"])
def test_a_missing_claim_is_refused(alice: User, missing: str) -> None:
    claims = good_claims(alice)
    del claims[missing]
    with pytest.raises(NotSignedIn):
        enter(jwt.encode(claims, KEY, "HS256"))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("exp", 2**63),
        ("exp", 2**200),
        ("exp", -(2**63)),
        ("exp", 1e300),
        ("exp", "soon"),
        ("exp", None),
        ("exp", []),
        ("exp", True),
        ("nbf", 2**40),
        ("iat", 2**40),
        ("token_type", "refresh"),
        ("token_type", "reset"),
        ("token_type", ["access"]),
        ("sub", "alice"),
        ("sub", 1),
        ("sub", None),
        ("sub", "\ud800"),
        ("sub", "5e0ff2a4-8a4e-4a36-9b0e-6b1de3a1c0de"),
        ("sid", "5e0ff2a4-8a4e-4a36-9b0e-6b1de3a1c0de"),
        ("sid", {"a": 1}),
        ("sid", "x" * 100),
        ("jti", 7),
        ("jti", "not a uuid"),
    ],
)
def test_an_odd_claim_under_our_own_key_is_refused(alice: User, claim: str, value: object) -> None:
    token = handmade(good_claims(alice) | {claim: value}, {"alg": "HS256", "typ": "JWT"})
    with pytest.raises(NotSignedIn):
        enter(token)


def test_an_expired_token_says_so(alice: User) -> None:
    claims = good_claims(alice) | {"exp": int(time.time()) - 5}
    with pytest.raises(TokenExpired):
        enter(jwt.encode(claims, KEY, "HS256"))


def test_a_token_signed_by_another_key_is_refused(alice: User) -> None:
    with pytest.raises(NotSignedIn):
        enter(jwt.encode(good_claims(alice), "another key that is long enough to be one", "HS256"))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_under_our_key_is_refused(alice: User, algorithm: str) -> None:
    with pytest.raises(NotSignedIn):
        enter(jwt.encode(good_claims(alice), KEY + KEY, algorithm))


def test_no_algorithm_and_a_public_key_algorithm_are_refused(alice: User) -> None:
    claims = good_claims(alice)
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for token in (jwt.encode(claims, "", "none"), jwt.encode(claims, private, "RS256")):
        with pytest.raises(NotSignedIn):
            enter(token)


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"]},
        {"crit": ["unknown"], "unknown": 1},
        {"crit": "exp"},
        {"kid": ["a"]},
        {"b64": False, "crit": ["b64"]},
    ],
)
def test_an_odd_header_is_refused(alice: User, header: dict[str, Any]) -> None:
    token = handmade(good_claims(alice), {"alg": "HS256", "typ": "JWT"} | header)
    with pytest.raises(NotSignedIn):
        enter(token)


@pytest.mark.parametrize(
    "header", [{"kid": "../../dev/null"}, {"jku": "http://127.0.0.1/keys"}, {"jwk": {"kty": "oct", "k": "AA"}}]
)
def test_a_header_that_names_a_key_changes_nothing(alice: User, header: dict[str, Any]) -> None:
    claims = good_claims(alice)
    assert enter(jwt.encode(claims, KEY, "HS256", headers=header)).user_id == alice.id
    with pytest.raises(NotSignedIn):
        enter(jwt.encode(claims, "\x00" * 40, "HS256", headers=header))


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "a.b.c", "..", "ey.ey.ey", "é.é.é", "\ud800.a.b", "a\x00.b.c", "cp_", "cp_000000000000_short",
        "cp_" + "0" * 12 + "_" + "A" * 43, "e" * 5000,
        base64.urlsafe_b64encode(b"[" * 2000).decode() + ".e30.e30",
        base64.urlsafe_b64encode(b'{"a":' * 500).decode() + ".e30.e30",
        base64.urlsafe_b64encode(b"[]").decode() + ".e30.e30",
    ],
)  # fmt: skip
def test_garbage_is_refused(db: None, text: str) -> None:
    for credentials in (Credentials(bearer=text), Credentials(api_key=text)):
        with pytest.raises(NotSignedIn):
            door.authenticate(credentials)


def test_each_kind_of_token_is_good_for_its_own_purpose_only(alice: User) -> None:
    pair = sign_in(alice)
    with pytest.raises(NotSignedIn):
        enter(pair.refresh_token)
    with pytest.raises(NotSignedIn):
        services.refresh(refresh_token=pair.access_token, origin=HOME)
    with pytest.raises(NotSignedIn):
        door.authenticate(Credentials(api_key=pair.access_token))


def test_a_token_lives_no_longer_than_its_session() -> None:
    now = timezone.now()
    token, seconds = tokens.mint_access(
        user_uuid=uuid.uuid4(), session_uuid=uuid.uuid4(), now=now, session_ends_at=now + timedelta(minutes=5)
    )
    assert seconds == 300
    assert tokens.read_access(token).expires_at == pytest.approx(now.timestamp() + 300, abs=1)


def handmade(claims: dict[str, Any], header: dict[str, Any]) -> str:
    """A token with exactly this header and these claims, signed with our key."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signature = jwt.get_algorithm_by_name("HS256").sign(b".".join(parts), KEY.encode())
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()
