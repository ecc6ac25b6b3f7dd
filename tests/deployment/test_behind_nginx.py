"""The whole of docker-compose.yml, with the real nginx in front of two web processes, on PostgreSQL and Redis given by URL."""

import asyncio
import json
import ssl

import aiohttp

from tests.client import Stream, frames
from tests.deployment.conftest import DELTAS, Visitor
from tests.deployment.stack import HOST, VENDOR_KEY, Stack
from tests.vendors.scripts import words


def access_lines(stack: Stack) -> list[dict]:
    return [json.loads(line) for line in stack.log("nginx").splitlines() if line.startswith("{")]


async def line_of(stack: Stack, path: str) -> dict:
    """nginx's line of the last request for a path. It is written after the client has read its answer."""
    async with asyncio.timeout(10):
        while not (found := [line for line in access_lines(stack) if line["path"] == path]):
            await asyncio.sleep(0.05)
    return found[-1]


def replica_in(stack: Stack, line: dict) -> str:
    """Which replica answered: `web-1` or `web-2`."""
    port = int(line["replica"].rpartition(":")[2])
    return next(name for name in ("web-1", "web-2") if stack.ports[name] == port)


# What it is made of


def test_every_service_passes_its_own_health_check(stack):
    for name in ("postgres", "redis", "web-1", "web-2", "nginx", "worker", "documents", "beat"):
        stack.wait_healthy(name, seconds=30)


def test_a_health_check_fails_when_its_service_is_not_there(stack):
    stack.stop_service("web-2")
    try:
        assert stack.health("web-2").returncode != 0
    finally:
        stack.start_service("web-2")
        stack.wait_healthy("web-2")


def test_preparing_again_changes_nothing(stack):
    users = stack.scalar("SELECT count(*) FROM accounts_user")
    again = stack.prepare()
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout.splitlines()[-1]) == {"operator": None}
    assert stack.scalar("SELECT count(*) FROM accounts_user") == users


def test_secrets_come_from_files_and_stand_in_no_environment_command_line_or_log(stack):
    names = ("secret_key", "jwt_signing_key", "encryption_keys", "postgres_password", "redis_password")
    secrets = [*(stack.secret(name) for name in names), VENDOR_KEY]
    assert all(len(secret) > 20 for secret in secrets)
    for name, process in stack.processes.items():
        for kind in ("environ", "cmdline"):
            with open(f"/proc/{process.pid}/{kind}", "rb") as file:
                text = file.read().decode(errors="replace")
            assert [secret for secret in secrets if secret in text] == [], f"{kind} of {name}"
        assert [secret for secret in secrets if secret in stack.log(name)] == [], f"log of {name}"
        assert not (stack.folder / "data" / name / "secrets.json").exists(), "nothing was made up beside the files"


async def test_the_vendors_key_from_a_file_reaches_the_vendor_and_is_stored_sealed(stack):
    assert stack.scalar("SELECT count(*) FROM providers_provider WHERE is_active") == 1
    async with Visitor(stack) as alice:
        await alice.register()
        status, answer = await alice.send(await alice.new_conversation(), "hello", max_tokens=20)
        assert status in (200, 201), answer


async def test_the_worker_does_what_a_web_process_asks_and_beat_sends_its_jobs(stack):
    async with Visitor(stack) as alice:
        await alice.register()
        await alice.data("POST", "/auth/forgot-password", {"email": f"{alice.username}@example.com"})
        async with asyncio.timeout(20):
            while f"To: {alice.username}@example.com" not in stack.log("worker"):
                await asyncio.sleep(0.2)
            while "heal_turns" not in stack.log("worker"):
                await asyncio.sleep(0.2)
    assert f"https://{HOST}" in stack.log("worker"), "the link in the mail is the public address"


# Streams and sockets


async def test_a_stream_arrives_as_it_is_written_and_not_when_it_is_done(stack):
    async with Visitor(stack) as alice:
        await alice.register()
        conversation = await alice.new_conversation()
        path = f"/conversations/{conversation}/messages/stream"
        async with alice.session.post(f"{alice.url}/api/v1{path}", json={"content": "hi"}, headers=alice.headers) as response:
            assert response.status == 200
            reading = frames(response)
            start = (await anext(reading)).data
            first = (await anext(reading)).data
            running = await alice.data("GET", f"/turns/{start['turn_id']}")
            assert first["type"] == "content"
            assert running["status"] in ("running", "streaming"), "the answer was still being written"
            rest = [frame.data async for frame in reading]
        text = first["content"] + "".join(frame["content"] for frame in rest if frame["type"] == "content")
        assert text == words(DELTAS)


async def test_a_socket_is_upgraded_and_answers_in_pieces(stack):
    async with Visitor(stack) as alice:
        await alice.register()
        conversation = await alice.new_conversation()
        address = f"{alice.url.replace('https', 'wss')}/api/v1/ws/chat?token={alice.token}"
        async with alice.session.ws_connect(address) as socket:
            await socket.send_json({"type": "ping"})
            assert (await socket.receive_json(timeout=10))["type"] == "pong"
            await socket.send_json({"type": "chat_message", "conversation_id": conversation, "content": "hi"})
            seen = [await socket.receive_json(timeout=10)]
            while seen[-1]["type"] not in ("message_end", "error"):
                seen.append(await socket.receive_json(timeout=10))
        assert seen[0]["type"] == "message_start", seen[0]
        assert seen[-1]["type"] == "message_end"
        assert len([frame for frame in seen if frame["type"] == "message_content"]) > 10
        line = await line_of(stack, "/api/v1/ws/chat")
        assert (line["status"], line["address"]) == (101, alice.address)
        assert alice.token not in stack.log("nginx")


async def test_a_turn_begun_on_one_replica_is_followed_through_the_other_and_through_nginx(stack):
    one, two = stack.replica_url("web-1"), stack.replica_url("web-2")
    async with Visitor(stack, one) as alice, Visitor(stack) as tab:
        tab.token = (await alice.register()).token
        conversation = await alice.new_conversation()
        part: Stream = await alice.stream(conversation, "hi", most=10)
        turn, seen = part.start["turn_id"], list(part.frames)
        for url in (two, one, two, two):
            alice.url = url
            part = await alice.resume(turn, seen[-1].id, most=15)
            seen += part.frames
        seen += (await tab.resume(turn, seen[-1].id)).frames
        assert [frame.id for frame in seen] == list(range(1, len(seen) + 1)), "each event once, in order"
        assert "".join(frame.data["content"] for frame in seen if frame.data["type"] == "content") == words(DELTAS)
        assert (await tab.messages(conversation))[-1]["content"] == words(DELTAS)


async def test_a_turn_begun_on_one_replica_is_stopped_through_the_other(stack):
    async with Visitor(stack, stack.replica_url("web-1")) as alice:
        await alice.register()
        conversation = await alice.new_conversation()
        turn = (await alice.stream(conversation, "hi", most=10)).start["turn_id"]
        alice.url = stack.replica_url("web-2")
        assert (await alice.data("POST", f"/turns/{turn}/stop"))["status"] == "stopped"
        whole = await alice.resume(turn, 0)
        assert whole.end["stopped"] is True
        kept = (await alice.messages(conversation))[-1]["content"]
        assert kept == whole.text
        assert 0 < len(kept) < len(words(DELTAS))


# The door


async def test_plain_http_leads_to_tls_which_says_to_come_by_tls_only(stack):
    async with Visitor(stack) as alice:
        plain = f"http://{HOST}:{stack.ports['plain']}/admin/?next=1"
        async with alice.session.get(plain, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (308, f"https://{HOST}/admin/?next=1")
        for path in ("/api/v1/health", "/nothing", "/admin/login/", "/static/admin/css/base.css"):
            async with alice.session.get(alice.url + path) as response:
                assert response.headers.getall("Strict-Transport-Security") == ["max-age=31536000"], path
        async with alice.session.get(f"{alice.url}/admin/login/") as response:
            assert "secure" in response.headers["Set-Cookie"].lower()


async def test_http_2_is_offered_and_old_tls_is_not(stack):
    modern = ssl.create_default_context(cafile=str(stack.secrets / "tls_certificate"))
    modern.set_alpn_protocols(["h2", "http/1.1"])
    _, writer = await asyncio.open_connection("127.0.0.1", stack.ports["tls"], ssl=modern, server_hostname=HOST)
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    writer.close()
    offered = await asyncio.create_subprocess_exec(
        "openssl", "s_client", "-connect", f"127.0.0.1:{stack.ports['tls']}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await offered.communicate()
    assert offered.returncode != 0, said.decode()


async def test_the_audit_log_and_the_access_log_know_the_clients_own_address(stack):
    async with Visitor(stack) as alice:
        forged = {"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9", "X-Forwarded-Proto": "http"}
        alice.session.headers.update(forged)
        await alice.register()
        found = "SELECT address FROM core_auditevent WHERE action = 'user.registered' ORDER BY id DESC LIMIT 1"
        assert stack.scalar(found) == alice.address
    for _ in range(40):  # lines go out in batches
        lines = [json.loads(line) for name in ("web-1", "web-2") for line in stack.log(name).splitlines() if line.startswith("{")]
        registered = [line["address"] for line in lines if line.get("path") == "/api/v1/auth/register"]
        if alice.address in registered:
            break
        await asyncio.sleep(0.05)
    assert alice.address in registered
    assert "203.0.113.9" not in registered


async def test_the_rate_of_one_address_is_counted_over_both_replicas_and_holds_nobody_else_up(stack):
    async def log_in(visitor: Visitor, **headers: str) -> int:
        body = {"username": "nobody", "password": "password123"}
        return (await visitor.call("POST", "/auth/login", body, **headers))[0]

    async with Visitor(stack) as alice, Visitor(stack) as bob:
        statuses = [await log_in(alice, **{"X-Forwarded-For": f"203.0.113.{n}"}) for n in range(12)]
        assert statuses.count(401) <= 10, "five a minute, and a minute may have ended in between"
        assert statuses[-1] == 429
        assert await log_in(bob) == 401
    used = {line["replica"] for line in access_lines(stack) if line["address"] == alice.address}
    assert len(used) == 2, "both replicas were asked"


async def test_a_body_over_the_limit_is_refused_by_the_platform_and_one_far_over_it_by_nginx(stack):
    async with Visitor(stack) as alice:
        await alice.register()
        for size, expected in ((1_200_000, "application/json"), (12_000_000, "text/html")):
            async with alice.session.post(
                f"{alice.url}/api/v1/conversations",
                data=b" " * size,
                headers=alice.headers | {"Content-Type": "application/json"},
            ) as response:
                assert response.status == 413
                assert response.headers["Content-Type"].startswith(expected)


async def test_unknown_hosts_are_refused(stack):
    async with (
        Visitor(stack) as alice,
        alice.session.get(f"{alice.url}/admin/login/", headers={"Host": "evil.example"}) as answer,
    ):
        assert answer.status == 400


# One replica leaves


async def test_one_replica_drains_and_leaves_while_the_other_goes_on(stack):
    """Streams of both come to their end, and neither a read nor a write of anybody fails."""
    failed: list[object] = []
    left = asyncio.Event()

    async def keep_asking(visitor: Visitor, conversation: str) -> int:
        done = 0
        while not left.is_set():
            for method, path, body in (
                ("GET", f"/conversations/{conversation}", None),
                ("POST", "/conversations", {"title": "x"}),
            ):
                try:
                    status, _ = await visitor.call(method, path, body)
                    if status not in (200, 201, 429):
                        failed.append((method, status))
                except aiohttp.ClientError as error:
                    failed.append((method, repr(error)))
                done += 1
            await asyncio.sleep(0.3)
        return done

    async with Visitor(stack) as alice, Visitor(stack) as bob:
        await alice.register()
        await bob.register("bob")
        conversations = [await alice.new_conversation() for _ in range(4)]
        asking = asyncio.create_task(keep_asking(bob, await bob.new_conversation()))
        streams = [asyncio.create_task(alice.stream(one, "hi")) for one in conversations]
        await asyncio.sleep(1)
        stack.signal_service("web-2")
        try:
            code = await asyncio.to_thread(stack.processes["web-2"].wait, 35)
            await asyncio.sleep(2)
            left.set()
            answers = await asyncio.gather(*streams)
            assert await asking > 4
        finally:
            left.set()
            stack.processes.pop("web-2").kill()
            stack.start_service("web-2")
            await asyncio.to_thread(stack.wait_healthy, "web-2")
        assert code == 0
        assert failed == []
        lines = [await line_of(stack, f"/api/v1/conversations/{one}/messages/stream") for one in conversations]
        used = {replica_in(stack, line) for line in lines}
        assert used == {"web-1", "web-2"}
        whole = []
        for answer, conversation in zip(answers, conversations, strict=True):
            assert answer.status == 200
            text = answer.text
            if answer.end is None:  # it was told to come back, and finds the rest on the other replica
                text += (await alice.resume(answer.start["turn_id"], answer.last_id)).text
            whole.append(text == words(DELTAS))
            assert (await alice.messages(conversation))[-1]["content"] == words(DELTAS)
        assert all(whole)


async def test_no_log_of_nginx_holds_a_query_string(stack):
    async with Visitor(stack) as alice:
        async with alice.session.get(f"{alice.url}/api/v1/health?token=canary-in-the-query") as response:
            assert response.status == 200
        with_body = {"Authorization": "Bearer canary-in-a-header"}
        async with alice.session.get(f"{alice.url}/api/v1/users/me?token=canary-in-the-query", headers=with_body) as response:
            assert response.status == 401
    assert (await line_of(stack, "/api/v1/users/me"))["status"] == 401
    assert "canary" not in stack.log("nginx")
