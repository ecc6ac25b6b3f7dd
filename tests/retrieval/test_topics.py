"""Topics: whose they are, who may read them, and what that opens."""

from __future__ import annotations

import pytest

from chatplatform.core.errors import InvalidInput, NotAllowed
from chatplatform.core.models import AuditEvent
from chatplatform.core.origin import NOWHERE
from chatplatform.core.pages import PageRequest
from retrieval import selectors, topics
from retrieval.errors import DocumentNotFound, TopicNameTaken, TopicNotFound
from retrieval.models import Document, Topic, TopicReader
from tests.retrieval.library import person, upload

FIRST = PageRequest(1, 20)


def create(principal, name="Manuals", **more):
    return topics.create_topic(principal=principal, name=name, origin=NOWHERE, **more)


def share(principal, topic, *readers, for_everyone=False):
    ids = [reader.user_id for reader in readers]
    return topics.share_topic(principal=principal, topic_id=topic.pk, for_everyone=for_everyone, user_ids=ids, origin=NOWHERE)


def test_a_topic_is_its_owner_s_alone(alice, bob):
    topic = create(alice, "  Manuals  ", description="All of them")
    assert (topic.name, topic.description, topic.for_everyone) == ("Manuals", "All of them", False)
    assert selectors.list_topics(principal=alice, page=FIRST).items == [topic]
    assert selectors.list_topics(principal=bob, page=FIRST).total == 0
    for act in (
        lambda: selectors.get_topic(principal=bob, topic_id=topic.pk),
        lambda: topics.update_topic(principal=bob, topic_id=topic.pk, name="Mine", origin=NOWHERE),
        lambda: topics.delete_topic(principal=bob, topic_id=topic.pk, origin=NOWHERE),
        lambda: share(bob, topic, bob),
        lambda: selectors.documents_of(principal=bob, page=FIRST, topic_id=topic.pk),
    ):
        with pytest.raises(TopicNotFound):
            act()
    assert Topic.objects.get().name == "Manuals"


def test_two_people_may_have_a_topic_of_one_name_and_one_person_may_not(alice, bob):
    manuals, notes = create(alice), create(alice, "Notes")
    create(bob)
    with pytest.raises(TopicNameTaken):
        create(alice)
    with pytest.raises(TopicNameTaken):
        topics.update_topic(principal=alice, topic_id=notes.pk, name="Manuals", origin=NOWHERE)
    renamed = topics.update_topic(principal=alice, topic_id=manuals.pk, name="Old manuals", origin=NOWHERE)
    assert (renamed.name, renamed.description) == ("Old manuals", "")


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "two\nlines", "nul\0"])
def test_a_name_that_is_none_is_refused(alice, name):
    with pytest.raises(InvalidInput) as refused:
        create(alice, name)
    assert refused.value.field == "name"


def test_only_an_administrator_shares_and_only_to_read(alice, bob, admin):
    topic = create(alice)
    document = upload(alice, "The brass widget.", topic_id=topic.pk)
    with pytest.raises(NotAllowed):
        share(alice, topic, bob)
    carol = person("carol")
    share(admin, topic, bob)
    assert selectors.get_document(principal=bob, document_id=document.uuid) == document
    with pytest.raises(DocumentNotFound):
        selectors.get_document(principal=carol, document_id=document.uuid)
    with pytest.raises(NotAllowed):
        topics.update_topic(principal=bob, topic_id=topic.pk, name="Mine", origin=NOWHERE)
    with pytest.raises(NotAllowed):
        topics.delete_topic(principal=bob, topic_id=topic.pk, origin=NOWHERE)
    with pytest.raises(NotAllowed):
        share(bob, topic, carol)

    share(admin, topic, carol)  # in place of what was said before
    assert list(TopicReader.objects.values_list("user_id", flat=True)) == [carol.user_id]
    with pytest.raises(DocumentNotFound):
        selectors.get_document(principal=bob, document_id=document.uuid)
    share(admin, topic, for_everyone=True)
    assert selectors.get_document(principal=bob, document_id=document.uuid) == document
    share(admin, topic)
    assert selectors.list_topics(principal=carol, page=FIRST).total == 0
    assert AuditEvent.objects.filter(action="topic.shared", actor_id=admin.user_id).count() == 4


def test_a_change_takes_nothing_back_that_happens_meanwhile(alice, admin, monkeypatch):
    topic = create(alice)
    share(admin, topic, for_everyone=True)
    looked = topics.topic_to_manage

    def meanwhile(then):
        def look(**asked):
            found = looked(**asked)
            then()
            return found

        monkeypatch.setattr(topics, "topic_to_manage", look)

    meanwhile(lambda: share(admin, topic))
    assert not topics.update_topic(principal=alice, topic_id=topic.pk, name="Renamed", origin=NOWHERE).for_everyone
    assert (Topic.objects.get().name, Topic.objects.get().for_everyone) == ("Renamed", False)
    meanwhile(lambda: Topic.objects.all().delete())
    with pytest.raises(TopicNotFound):
        topics.update_topic(principal=alice, topic_id=topic.pk, name="Back", origin=NOWHERE)
    assert not Topic.objects.exists()


def test_a_topic_is_shared_with_people_who_exist(alice, admin):
    topic = create(alice)
    with pytest.raises(InvalidInput) as refused:
        topics.share_topic(principal=admin, topic_id=topic.pk, for_everyone=True, user_ids=[10**9], origin=NOWHERE)
    assert refused.value.field == "user_ids"
    assert not Topic.objects.get().for_everyone
    share(admin, topic, alice)
    assert not TopicReader.objects.exists(), "she has it already"


def test_documents_of_a_deleted_topic_are_their_owner_s_alone_again(alice, bob, admin):
    topic = create(alice)
    document = upload(alice, "The brass widget.", topic_id=topic.pk)
    share(admin, topic, bob)
    topics.delete_topic(principal=alice, topic_id=topic.pk, origin=NOWHERE)
    assert Document.objects.get().topic_id is None
    assert selectors.get_document(principal=alice, document_id=document.uuid) == document
    with pytest.raises(DocumentNotFound):
        selectors.get_document(principal=bob, document_id=document.uuid)


def test_the_sql_of_searches_says_what_the_orm_says(alice, bob, admin):
    from django.db import connection

    mine, hers, everybody_s = create(bob), create(alice), create(alice, "Everybody's")
    share(admin, hers, bob)
    share(admin, everybody_s, for_everyone=True)
    create(admin, "Private")
    for topic_id, principal in ((mine.pk, bob), (hers.pk, alice), (everybody_s.pk, alice), (None, alice), (None, bob)):
        upload(principal, f"text {topic_id} {principal.user_id}", topic_id=topic_id)
    for principal in (alice, bob, admin):
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT id FROM retrieval_document document WHERE {selectors.READABLE_DOCUMENT}", {"user": principal.user_id}
            )
            found = {row[0] for row in cursor.fetchall()}
        assert found == set(selectors.readable_documents(principal).values_list("pk", flat=True))
    assert selectors.readable_documents(admin).count() == 1
