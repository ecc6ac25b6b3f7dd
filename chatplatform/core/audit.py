"""What happened, written where nobody can take it back.

Actions are named `thing.done`; the outcome says whether it was. So far:

    user.registered  user.created  user.changed  user.suspended  user.restored  user.deleted
    session.started  session.ended  session.reused      (log in, log out, an old refresh token that came back)
    password.changed  password.reset_requested  password.reset_mailed  password.reset
    api_key.created  api_key.revoked
    provider.created  provider.changed  provider.deleted  provider.key_set  provider.key_cleared  provider.key_resealed
    provider.distributed  provider.undistributed  provider.preferred  providers.reloaded
    agent.created  agent.changed  agent.deleted
    topic.created  topic.changed  topic.deleted  topic.shared
    document.uploaded  document.moved  document.retried  document.reread  document.deleted
    conversation.saved  conversation.deleted  conversation.expired  message.edited  message.deleted
    embedding_model.activated  embedding_model.forgotten
    access.refused                                      (signed in, but not permitted)
"""

from collections.abc import Mapping
from typing import Any

from chatplatform.core.masking import mask
from chatplatform.core.models import AuditEvent
from chatplatform.core.origin import NOWHERE, Origin
from chatplatform.core.prepared import Int8


def record(
    *,
    action: str,
    actor_id: int | None = None,
    target: str = "",
    outcome: str = "ok",
    origin: Origin | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Insert one event in the caller's transaction.

    `outcome` is ok, failed or refused. What fails or is refused must be recorded outside of the transaction that is rolled back
    because of it. `details` is JSON and holds no secret; what `masking.py` knows of people is masked everywhere. Odd text (NUL,
    lone surrogates, too long) is made storable, since the record of an attack must not fail on the attack's own text.
    """
    where = _where(origin)
    AuditEvent.objects.create(
        action=action,
        outcome=outcome,
        actor_id=actor_id,
        target=_storable(target)[:200],
        address=where["address"],
        user_agent=where["agent"],
        request_id=where["request"],
        details=_storable_json(details or {}),
    )


RECORDING = """
recorded AS (
    INSERT INTO core_auditevent (action, outcome, actor_id, target, address, user_agent, request_id, details)
    SELECT %(audit_action)s, 'ok', %(audit_actor)s, target, %(audit_address)s, %(audit_agent)s, %(audit_request)s, '{}'
    FROM happened
)"""
"""A step of a statement in which `happened` stands before it: a `target` of ours for each event. Values: `recorded()`."""


def recorded(*, action: str, actor_id: int | None = None, origin: Origin | None = None) -> dict[str, Any]:
    """The values of `RECORDING`."""
    return {
        "audit_action": action,
        "audit_actor": None if actor_id is None else Int8(actor_id),
        **{f"audit_{name}": value for name, value in _where(origin).items()},
    }


def _where(origin: Origin | None) -> dict[str, str]:
    origin = origin or NOWHERE
    return {
        "address": _storable(origin.address)[:64],
        "agent": _storable(origin.user_agent)[:300],
        "request": _storable(origin.request_id)[:100],
    }


def _storable(text: str) -> str:
    """Masked, and without NUL and halves of surrogate pairs, which PostgreSQL's text does not take."""
    return mask(text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00"))


def _storable_json(value: Any) -> Any:
    if isinstance(value, str):
        return _storable(value)[:1000]
    if isinstance(value, Mapping):
        return {_storable(str(key)): _storable_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable_json(item) for item in value]
    return value
