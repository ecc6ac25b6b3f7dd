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
    conversation.deleted  message.edited  message.deleted
    embedding_model.activated  embedding_model.forgotten
    access.refused                                      (signed in, but not permitted)
"""

from collections.abc import Mapping
from typing import Any

from chatplatform.core.masking import mask
from chatplatform.core.models import AuditEvent
from chatplatform.core.origin import NOWHERE, Origin


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
    origin = origin or NOWHERE
    AuditEvent.objects.create(
        action=action,
        outcome=outcome,
        actor_id=actor_id,
        target=_storable(target)[:200],
        address=_storable(origin.address)[:64],
        user_agent=_storable(origin.user_agent)[:300],
        request_id=_storable(origin.request_id)[:100],
        details=_storable_json(details or {}),
    )


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
