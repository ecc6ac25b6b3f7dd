"""Topics: one's own, and those that an administrator shares."""

from __future__ import annotations

from tests.contracts.chat_system.conftest import QUESTION, new_session, new_topic


async def names(client):
    return [topic["name"] for topic in (await client.data("GET", "/topics"))["topics"]]


async def test_a_topic_is_created_listed_renamed_and_deleted(alice):
    status, answer = await alice.call("POST", "/topics", {"name": " 机器学习 ", "description": "论文"})
    assert (status, answer["message"]) == (201, "主题创建成功")
    topic = answer["data"]
    assert (topic["name"], topic["description"], topic["for_everyone"]) == ("机器学习", "论文", False)
    await new_topic(alice, "A")
    assert await names(alice) == ["A", "机器学习"]
    page = (await alice.data("GET", "/topics?page_size=1"))["pagination"]
    assert page == {"page": 1, "page_size": 1, "total": 2, "total_pages": 2, "has_next": True, "has_prev": False}
    changed = await alice.data("PUT", f"/topics/{topic['id']}", {"name": "深度学习"})
    assert (changed["name"], changed["description"]) == ("深度学习", "论文")
    assert (await alice.data("GET", f"/topics/{topic['id']}"))["name"] == "深度学习"
    status, answer = await alice.call("POST", "/topics", {"name": "深度学习"})
    assert (status, answer["error"]["code"]) == (409, "CONFLICT")
    session = await new_session(alice, topic_id=topic["id"])
    assert await alice.data("DELETE", f"/topics/{topic['id']}") is None
    assert await names(alice) == ["A"]
    assert (await alice.data("GET", f"/chat/sessions/{session}"))["topic_id"] is None


async def test_only_an_administrator_shares_and_only_the_owner_changes(alice, bob, admin, alices_topic):
    bobs_id = (await bob.data("GET", "/auth/me"))["id"]
    path = f"/topics/{alices_topic}"
    for method, asked, body in (
        ("GET", path, None),
        ("PUT", path, {"name": "mine"}),
        ("DELETE", path, None),
        ("PUT", f"{path}/sharing", {"for_everyone": True}),
    ):
        status, answer = await bob.call(method, asked, body)
        assert (status, answer["error"]["code"]) == (404, "NOT_FOUND"), "what he may not read does not exist"
    status, answer = await alice.call("PUT", f"{path}/sharing", {"for_everyone": True})
    assert (status, answer["error"]["code"]) == (403, "PERMISSION_DENIED")

    shared = await admin.data("PUT", f"{path}/sharing", {"user_ids": [bobs_id]})
    assert (shared["user_ids"], shared["for_everyone"]) == ([bobs_id], False)
    assert alices_topic in [topic["id"] for topic in (await bob.data("GET", "/topics"))["topics"]]
    found = await bob.data("POST", "/chat/search", {"query": QUESTION, "topic_id": alices_topic})
    assert found["results"]
    session = await new_session(bob, topic_id=alices_topic)
    for method, body in (("PUT", {"name": "mine"}), ("DELETE", None)):
        status, answer = await bob.call(method, path, body)
        assert (status, answer["error"]["code"]) == (403, "PERMISSION_DENIED")

    await admin.data("PUT", f"{path}/sharing", {})
    assert (await bob.call("GET", path))[0] == 404
    answer = await bob.data("POST", f"/chat/sessions/{session}/messages", {"content": QUESTION})
    assert answer["assistant_response"]["references"] == [], "what was taken back is not read any more"
    status, answer = await admin.call("PUT", f"{path}/sharing", {"user_ids": [2**62]})
    assert (status, answer["error"]["code"]) == (400, "VALIDATION_ERROR")
    await admin.data("PUT", f"{path}/sharing", {"for_everyone": True})
    assert (await bob.data("GET", path))["for_everyone"] is True
    await admin.data("PUT", f"{path}/sharing", {"for_everyone": False})
