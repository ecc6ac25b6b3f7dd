"""Secrets at rest: AES-256-GCM under a ring of keys.

A sealed text reads `v1:<key id>:<base64 of nonce and ciphertext>`. It is bound to the place where it is kept (`bound_to`, such as
`providers.provider.api_key:17`), so that a sealed text copied into another row does not open there. Every key of
`settings.ENCRYPTION_KEYS` opens, the first one seals.
"""

import base64
import binascii
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

VERSION = "v1"
NONCE_BYTES = 12
KEY_BYTES = 32


class BadKeyRing(ValueError):
    """`ENCRYPTION_KEYS` is not `id:base64 of 32 bytes`, comma separated."""


class CannotUnseal(Exception):
    """The sealed text is damaged, belongs elsewhere, or its key is not in the ring."""


def seal(plaintext: str, *, bound_to: str) -> str:
    """`plaintext` encrypted with the first key of the ring."""
    key_id, key = next(iter(_ring().items()))
    nonce = os.urandom(NONCE_BYTES)
    sealed = key.encrypt(nonce, plaintext.encode(), _context(key_id, bound_to))
    return f"{VERSION}:{key_id}:{base64.b64encode(nonce + sealed).decode()}"


def unseal(sealed: str, *, bound_to: str) -> str:
    """What `seal` was given, with the same `bound_to`. Raises CannotUnseal on anything wrong; never returns ciphertext."""
    version, _colon, rest = sealed.partition(":")
    key_id, _colon, body = rest.partition(":")
    key = _ring().get(key_id)
    if version != VERSION or key is None:
        raise CannotUnseal("unknown version or key")
    try:
        raw = base64.b64decode(body, validate=True)
        if base64.b64encode(raw).decode() != body:
            raise ValueError("not as we write it")  # the last character has bits that stand for nothing
        return key.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _context(key_id, bound_to)).decode()
    except (binascii.Error, InvalidTag, ValueError) as error:
        raise CannotUnseal("damaged, or bound to another place") from error


def is_sealed_with_newest_key(sealed: str) -> bool:
    """Whether there is nothing to do for it when keys are rotated."""
    return sealed.startswith(f"{VERSION}:{next(iter(_ring()))}:")


def reseal(sealed: str, *, bound_to: str) -> str:
    """The same text, encrypted with the newest key. Raises CannotUnseal."""
    return seal(unseal(sealed, bound_to=bound_to), bound_to=bound_to)


def check_key_ring(text: str) -> None:
    """Raises BadKeyRing with a sentence about what is wrong. For the system checks."""
    _parse(text)


def _context(key_id: str, bound_to: str) -> bytes:
    return f"{VERSION}:{key_id}:{bound_to}".encode()


def _ring() -> dict[str, AESGCM]:
    return _parse(settings.ENCRYPTION_KEYS)


@lru_cache(maxsize=4)
def _parse(text: str) -> dict[str, AESGCM]:
    ring: dict[str, AESGCM] = {}
    for number, entry in enumerate(text.split(","), start=1):
        key_id, colon, encoded = entry.strip().partition(":")
        if not key_id or not colon:
            raise BadKeyRing(f"Key {number} is not written as id:base64.")
        if key_id in ring:
            raise BadKeyRing(f"The key id {key_id} is there twice.")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadKeyRing(f"Key {key_id} is not base64.") from error
        if len(key) != KEY_BYTES:
            raise BadKeyRing(f"Key {key_id} has {len(key)} bytes instead of {KEY_BYTES}.")
        ring[key_id] = AESGCM(key)
    return ring
