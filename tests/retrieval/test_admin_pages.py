"""Operators at the admin site: what is in work, what has failed, and who may read a topic."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from chatplatform.core.models import AuditEvent
from chatplatform.core.origin import NOWHERE
from providers.models import Agent
from retrieval import selectors, topics
from retrieval.ingest import ingest
from retrieval.models import Document, EmbeddingModel, Topic
from tests.retrieval.library import sentences, stored_files, upload

DOCUMENTS, TOPICS = "/admin/retrieval/document/", "/admin/retrieval/topic/"


@pytest.fixture
def site(admin) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get(pk=admin.user_id))
    return client


def rows(prefix: str, new: list[dict[str, object]]) -> dict[str, object]:
    form: dict[str, object] = {f"{prefix}-TOTAL_FORMS": len(new), f"{prefix}-INITIAL_FORMS": 0}
    return form | {f"{prefix}-{number}-{name}": value for number, row in enumerate(new) for name, value in row.items()}


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_page_opens_in_both_languages_and_shows_no_text_of_a_document(site, alice, folder, language):
    topic = topics.create_topic(principal=alice, name="Manuals", origin=NOWHERE)
    read, failed = upload(alice, sentences(1, "secrecy"), topic_id=topic.pk), upload(alice, name="a.txt", content=b"  \n ")
    ingest(document_id=read.pk)
    ingest(document_id=failed.pk)
    model = EmbeddingModel.objects.get()
    pages = [DOCUMENTS, f"{DOCUMENTS}?work=failed", f"{DOCUMENTS}?work=open", f"{DOCUMENTS}{read.pk}/change/", TOPICS]
    pages += [f"{DOCUMENTS}{failed.pk}/delete/", f"{TOPICS}add/", f"{TOPICS}{topic.pk}/change/", f"{TOPICS}{topic.pk}/delete/"]
    pages += ["/admin/retrieval/embeddingmodel/", f"/admin/retrieval/embeddingmodel/{model.pk}/change/"]
    for page in pages:
        answer = site.get(page, headers={"accept-language": language})
        assert answer.status_code == 200, page
        text = answer.content.decode()
        assert "secrecy" not in text, page
        assert any(word in text for word in ("文档", "主题", "嵌入")) is (language == "zh-hans"), page
    listed = site.get(f"{DOCUMENTS}?work=failed", headers={"accept-language": "en"}).content.decode()
    assert "There is no text in the file" in listed
    assert "notes.txt" not in listed


def test_what_has_failed_is_tried_again_and_what_has_not_is_left_alone(site, admin, alice):
    failed, ready = upload(alice, sentences(1)), upload(alice, sentences(2))
    Document.objects.filter(pk=failed.pk).update(status="failed", failure="embedding_failed")
    ingest(document_id=ready.pk)
    answer = site.post(DOCUMENTS, {"action": "try_again", "_selected_action": [failed.pk, ready.pk]}, follow=True)
    assert len(list(answer.context["messages"])) == 2
    assert list(Document.objects.order_by("pk").values_list("status", flat=True)) == ["waiting", "ready"]
    assert AuditEvent.objects.filter(action="document.retried", actor_id=admin.user_id, target=str(failed.uuid)).exists()


def test_deleting_takes_the_files_along(site, admin, alice, folder):
    documents = [upload(alice, f"text {number}") for number in range(3)]
    site.post(f"{DOCUMENTS}{documents[0].pk}/delete/", {"post": "yes"})
    selected = {"_selected_action": [document.pk for document in documents[1:]]}
    site.post(DOCUMENTS, {"action": "delete_selected", "post": "yes", **selected})
    assert not Document.objects.exists()
    assert not stored_files(folder)
    assert AuditEvent.objects.filter(action="document.deleted", actor_id=admin.user_id).count() == 3


def test_a_topic_is_shared_and_given_to_an_agent_below_its_form(site, admin, alice, bob):
    topic = topics.create_topic(principal=alice, name="Manuals", origin=NOWHERE)
    agent = Agent.objects.create(name="Writer")
    page = f"{TOPICS}{topic.pk}/change/"
    prefixes = [formset.formset.prefix for formset in site.get(page).context["inline_admin_formsets"]]
    form = {"name": "Manuals", "description": ""}
    form |= rows(prefixes[0], [{"user": bob.user_id}]) | rows(prefixes[1], [{"agent": agent.pk}])
    answer = site.post(page, form)
    assert answer.status_code == 302, answer.context["errors"]
    assert selectors.get_topic(principal=bob, topic_id=topic.pk) == topic
    assert selectors.topics_of_agent(agent_id=agent.pk) == (topic.pk,)
    assert Topic.objects.get().owner_id == alice.user_id
    event = AuditEvent.objects.get(action="topic.changed")
    assert (event.actor_id, event.target, sorted(event.details["fields"])) == (
        admin.user_id,
        f"topic:{topic.pk}",
        sorted(prefixes),
    )


def test_an_operator_who_may_change_documents_needs_to_be_no_administrator(library, alice):
    from tests.retrieval.library import person

    operator = User.objects.get(pk=person("operator", role="operator").user_id)
    operator.user_permissions.add(*Permission.objects.filter(codename__in=["view_document", "change_document"]))
    client = Client(headers={"host": "localhost"})
    client.force_login(operator)
    failed = upload(alice, sentences(1))
    Document.objects.update(status="failed", failure="embedding_failed")
    client.post(DOCUMENTS, {"action": "try_again", "_selected_action": [failed.pk]})
    assert Document.objects.get().status == "waiting"
    assert client.post(f"{DOCUMENTS}{failed.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Document.objects.exists()
