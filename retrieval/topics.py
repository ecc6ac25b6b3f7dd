"""Topics: shelves of documents. Each is its owner's; an administrator may open it to people or to everyone, to read."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.principal import Principal
from chatplatform.core import audit
from chatplatform.core.errors import InvalidInput, NotAllowed
from chatplatform.core.origin import Origin
from retrieval.errors import TopicNameTaken, TopicNotFound
from retrieval.models import Topic, TopicReader
from retrieval.selectors import get_topic

LONGEST_NAME = 200
LONGEST_DESCRIPTION = 2_000


def create_topic(*, principal: Principal, name: str, description: str = "", origin: Origin) -> Topic:
    """A new topic of hers, private. Raises InvalidInput (`name`, `description`) and TopicNameTaken."""
    topic = Topic(owner_id=principal.user_id, name=_name(name), description=_description(description))
    try:
        with transaction.atomic():
            topic.save()
            audit.record(action="topic.created", actor_id=principal.user_id, target=f"topic:{topic.pk}", origin=origin)
    except IntegrityError as error:
        raise TopicNameTaken from error
    return topic


def update_topic(
    *, principal: Principal, topic_id: int, name: str | None = None, description: str | None = None, origin: Origin
) -> Topic:
    """Changes what is not None. Raises TopicNotFound, NotAllowed (she may only read it), InvalidInput, TopicNameTaken."""
    topic_to_manage(principal=principal, topic_id=topic_id, action="topic.changed", origin=origin)
    changes: dict[str, str] = {}
    if name is not None:
        changes["name"] = _name(name)
    if description is not None:
        changes["description"] = _description(description)
    try:
        with transaction.atomic():
            # As it is now, and no other column of it is written: an administrator may close or delete it in this very moment.
            topic = Topic.objects.select_for_update(no_key=True).filter(pk=topic_id).first()
            if topic is None:
                raise TopicNotFound
            for field, value in changes.items():
                setattr(topic, field, value)
            topic.save(update_fields=[*changes, "updated_at"])
            audit.record(action="topic.changed", actor_id=principal.user_id, target=f"topic:{topic.pk}", origin=origin)
    except IntegrityError as error:
        raise TopicNameTaken from error
    return topic


def delete_topic(*, principal: Principal, topic_id: int, origin: Origin) -> None:
    """Its documents stay, in no topic: each is its owner's alone again. Raises TopicNotFound, NotAllowed."""
    topic = topic_to_manage(principal=principal, topic_id=topic_id, action="topic.deleted", origin=origin)
    with transaction.atomic():
        topic.delete()
        audit.record(action="topic.deleted", actor_id=principal.user_id, target=f"topic:{topic_id}", origin=origin)


def share_topic(*, principal: Principal, topic_id: int, for_everyone: bool, user_ids: Collection[int], origin: Origin) -> Topic:
    """Says who may read a topic beside its owner, in place of what was said before. Administrators only.

    Raises TopicNotFound, NotAllowed, InvalidInput (`user_ids`: somebody of them does not exist).
    """
    if not principal.is_admin:
        topic = get_topic(principal=principal, topic_id=topic_id)  # what she may not see does not exist
        _refuse(principal, topic, action="topic.shared", origin=origin)
    with transaction.atomic():
        found = Topic.objects.select_for_update(no_key=True).filter(pk=topic_id).first()
        if found is None:
            raise TopicNotFound
        wanted = set(user_ids) - {found.owner_id}
        if User.objects.filter(pk__in=wanted).count() != len(wanted):
            raise InvalidInput(field="user_ids", issue=_("Not all of these people exist."))
        found.for_everyone = for_everyone
        found.save(update_fields=["for_everyone", "updated_at"])
        TopicReader.objects.filter(topic=found).exclude(user_id__in=wanted).delete()
        TopicReader.objects.bulk_create(
            (TopicReader(topic=found, user_id=user_id) for user_id in sorted(wanted)), ignore_conflicts=True
        )
        details = {"for_everyone": for_everyone, "readers": sorted(wanted)}
        target = f"topic:{topic_id}"
        audit.record(action="topic.shared", actor_id=principal.user_id, target=target, origin=origin, details=details)
    return found


def topic_to_manage(*, principal: Principal, topic_id: int, action: str, origin: Origin) -> Topic:
    """Raises TopicNotFound and, where she may read it but no more, NotAllowed. Not inside a transaction: that is recorded."""
    topic = get_topic(principal=principal, topic_id=topic_id)
    if topic.owner_id != principal.user_id:
        _refuse(principal, topic, action=action, origin=origin)
    return topic


def _refuse(principal: Principal, topic: Topic, *, action: str, origin: Origin) -> None:
    audit.record(
        action="access.refused",
        actor_id=principal.user_id,
        target=f"topic:{topic.pk}",
        outcome="refused",
        origin=origin,
        details={"wanted": action},
    )
    raise NotAllowed


def _name(text: str) -> str:
    name = text.strip()
    if not name:
        raise InvalidInput(field="name", issue=_("This is needed."))
    if len(name) > LONGEST_NAME or any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise InvalidInput(field="name", issue=_("This is too long, or has characters that no name has."))
    return name


def _description(text: str) -> str:
    if len(text) > LONGEST_DESCRIPTION or "\0" in text:
        raise InvalidInput(field="description", issue=_("This is too long, or has characters that no text has."))
    return text
