"""What a session's name stands for: looked at, and cleared."""

from __future__ import annotations

import re

from tests.acceptance.conftest import scalar

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")


async def test_the_information_about_a_session(anna):
    answer = await anna.chat("hello", "mine", user_id="user123")
    info = await anna.info("mine")
    assert MOMENT.fullmatch(info.pop("last_activity"))
    assert info == {
        "session_id": "mine",
        "user_id": "user123",
        "conversation_id": answer["conversation_id"],
        "message_count": 2,
        "status": "active",
    }


async def test_the_label_stays_and_without_one_it_is_the_account_s_name(anna):
    await anna.chat("hello", "mine")
    assert (await anna.info("mine"))["user_id"] == anna.username
    await anna.chat("hello", "mine", user_id="user123")
    await anna.chat("hello", "mine")
    assert (await anna.info("mine"))["user_id"] == "user123"


async def test_a_label_grants_nothing(anna, ben, platform):
    await anna.chat("hello", "mine", user_id="user123")
    for label in ("user123", anna.username, "guest"):
        other = await ben.chat("hello", f"of-{label}", user_id=label)
        assert other["session_id"] == f"of-{label}"
        assert (await ben.call("GET", "/session/mine/info"))[0] == 404
    owner = (
        "SELECT username FROM accounts_user JOIN conversations_clientsession c ON c.user_id = accounts_user.id WHERE c.name = %s"
    )
    assert scalar(platform, owner, "of-guest") == ben.username


async def test_a_cleared_session_begins_another_conversation(anna, alice):
    first = await anna.chat("hello", "mine")
    status, cleared = await anna.call("POST", "/session/mine/clear")
    assert (status, cleared["session_id"]) == (200, "mine")
    assert cleared["message"]
    assert MOMENT.fullmatch(cleared["cleared_at"])
    info = await anna.info("mine")
    assert (info["status"], info["conversation_id"], info["message_count"]) == ("cleared", None, 0)
    second = await anna.chat("hello again", "mine")
    assert second["conversation_id"] != first["conversation_id"]
    assert (await anna.info("mine"))["message_count"] == 2
    # What she said before is hers, and stays among her conversations.
    titles = [conversation["title"] for conversation in (await alice.data("GET", "/conversations"))["conversations"]]
    assert sorted(titles) == ["hello", "hello again"]


async def test_clearing_again_changes_nothing(anna):
    await anna.chat("hello", "mine")
    for _ in range(2):
        assert (await anna.call("POST", "/session/mine/clear"))[0] == 200


async def test_what_a_guest_clears_is_deleted(guest, platform):
    answer = await guest.chat("a secret of a guest")
    name = answer["session_id"]
    assert (await guest.call("POST", f"/session/{name}/clear"))[0] == 200
    status, _ = await guest.call("POST", "/chat", {"message": "hi", "conversation_id": answer["conversation_id"]})
    assert status == 404
    assert scalar(platform, "SELECT count(*) FROM conversations_message WHERE content = %s", "a secret of a guest") == 0


async def test_clearing_stops_the_answer_that_is_being_written(anna, alice):
    conversation = await alice.new_conversation(model="ok-200-rate-20")
    async with anna.session.post(
        f"{anna.url}/chat/stream",
        json={"message": "go on", "session_id": "mine", "conversation_id": conversation},
        headers={"Authorization": f"Bearer {anna.token}"},
    ) as response:
        await response.content.readline()
        assert (await anna.call("POST", "/session/mine/clear"))[0] == 200
        lines = [raw async for raw in response.content]
    assert b'"type":"complete"' in lines[-2]
    assert b'"stopped":true' in lines[-2]


async def test_a_session_that_nobody_has_is_a_404(anna, guest):
    for who in (anna, guest):
        for name in ("nobody-was-here", "%00", "a%00b"):
            for method, what in (("GET", "info"), ("POST", "clear")):
                status, answer = await who.call(method, f"/session/{name}/{what}")
                assert (status, list(answer)) == (404, ["detail"])


async def test_a_conversation_that_was_deleted_elsewhere_is_followed_by_a_new_one(anna, alice):
    first = await anna.chat("hello", "mine")
    (conversation,) = (await alice.data("GET", "/conversations"))["conversations"]
    await alice.data("DELETE", f"/conversations/{conversation['id']}")
    assert (await anna.info("mine"))["status"] == "cleared"
    assert (await anna.chat("hello", "mine"))["conversation_id"] != first["conversation_id"]
