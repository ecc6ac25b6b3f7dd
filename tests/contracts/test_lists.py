"""The list of conversations: what is in it, in which order, and what is found."""

from __future__ import annotations


async def ids(alice, query: str = "") -> list[str]:
    return [row["id"] for row in (await alice.data("GET", f"/conversations{query}"))["conversations"]]


async def test_archived_conversations_are_left_out_unless_asked_for(alice):
    kept, archived = await alice.new_conversation(), await alice.new_conversation()
    await alice.data("POST", f"/conversations/{archived}/archive")
    assert await ids(alice) == await ids(alice, "?archived=false") == await ids(alice, "?archived=") == [kept]
    for word in ("true", "True", "1"):
        assert await ids(alice, f"?archived={word}") == [archived, kept]
    await alice.data("PUT", f"/conversations/{archived}", {"is_archived": False})
    assert await ids(alice) == [archived, kept]


async def test_a_search_reads_titles_and_messages_with_true_totals(alice, bob):
    by_title = await alice.new_conversation(title="机器学习 weekly")
    by_message = await alice.new_conversation(title="another")
    await alice.send(by_message, "什么是机器学习？ Explain weekly plans")
    theirs = await bob.new_conversation(title="机器学习 weekly")
    for text in ("学习", "weekly", "WEEK", "机器学习 weekly"):
        found = await alice.data("GET", f"/conversations?search={text}&size=1")
        assert found["pagination"] == {"page": 1, "size": 1, "total": 2, "pages": 2}
        assert await ids(alice, f"?search={text}") == [by_message, by_title]
    assert await ids(bob, "?search=weekly") == [theirs]
    assert (await alice.data("GET", "/conversations?search=weekly&page=9"))["conversations"] == []


async def test_a_search_leaves_archived_ones_out_unless_asked_for(alice):
    conversation = await alice.new_conversation(title="周报")
    await alice.data("POST", f"/conversations/{conversation}/archive")
    assert await ids(alice, "?search=周报") == []
    assert await ids(alice, "?search=周报&archived=true") == [conversation]


async def test_renaming_and_archiving_are_no_activity(alice):
    first, second = await alice.new_conversation(title="first"), await alice.new_conversation(title="second")
    await alice.data("PUT", f"/conversations/{first}", {"title": "renamed"})
    await alice.data("PUT", f"/conversations/{first}", {})
    assert await ids(alice) == [second, first]
    await alice.send(first, "hello")
    assert await ids(alice) == [first, second]
    assert (await alice.data("GET", f"/conversations/{first}"))["title"] == "renamed"


async def test_messages_of_the_answers_are_english_where_they_are_asked_for(alice):
    conversation = await alice.new_conversation()
    _, answer = await alice.call("POST", f"/conversations/{conversation}/archive")
    assert answer["message"] == "对话已归档"
    _, answer = await alice.call("POST", f"/conversations/{conversation}/archive", **{"Accept-Language": "en"})
    assert answer["message"] == "The conversation was archived."
