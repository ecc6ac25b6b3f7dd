"""A web process that reaches PostgreSQL through PgBouncer in transaction mode: each transaction may get another connection."""

import asyncio
import os
import shutil

import psycopg
import pytest

from tests.deployment.conftest import DELTAS, Visitor
from tests.deployment.stack import Stack
from tests.ports import free_port
from tests.vendors.scripts import words

POOL = 3  # fewer than a web process has threads, so that they must share


@pytest.fixture
def pooler(stack: Stack):
    """Gives the database's address through it; it is another one than the database's own."""
    program = shutil.which("pgbouncer")
    if program is None:
        pytest.skip("not installed: pgbouncer (apt-get install pgbouncer)")
    port, folder = free_port(), stack.folder / "data" / "pgbouncer"
    folder.mkdir(exist_ok=True)
    password = stack.secret("postgres_password")
    (folder / "users").write_text(f'"chatplatform" "{password}"\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\nchatplatform = host=127.0.0.1 port={stack.ports['postgres']}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\n"
        f"auth_file = {folder}/users\npool_mode = transaction\ndefault_pool_size = {POOL}\nadmin_users = chatplatform\n"
        "stats_users = chatplatform\n"
    )
    if stack.place.owner is not None:
        for path in (folder, *folder.iterdir()):
            os.chown(path, stack.place.owner.uid, stack.place.owner.gid)
    stack.popen("pgbouncer", [program, str(folder / "pgbouncer.ini")], {"PATH": os.environ["PATH"]}, as_user=True)
    try:
        yield f"postgresql://chatplatform:{password}@127.0.0.1:{port}"
    finally:
        process = stack.processes.pop("pgbouncer")
        process.kill()
        process.wait(10)


async def test_everything_works_without_statements_prepared_on_a_connection(stack, pooler):
    stack.stop_service("web-1")
    stack.start_service("web-1", DATABASE_URL=f"{pooler}/chatplatform", DATABASE_PREPARE_THRESHOLD="0")
    try:
        await asyncio.to_thread(stack.wait_healthy, "web-1")
        async with Visitor(stack, stack.replica_url("web-1")) as alice:
            await alice.register()
            conversations = [await alice.new_conversation() for _ in range(6)]
            reads = [alice.call("GET", "/conversations") for _ in range(30)]
            answers = await asyncio.gather(*(alice.stream(one, "hi") for one in conversations), *reads)
            assert [answer.text for answer in answers[:6]] == [words(DELTAS)] * 6
            assert {answer[0] for answer in answers[6:]} == {200}
            for one in conversations:
                assert (await alice.messages(one))[-1]["content"] == words(DELTAS)
        with psycopg.connect(f"{pooler}/pgbouncer", autocommit=True) as admin:
            admin.prepare_threshold = None
            names = [column.name for column in admin.execute("SHOW POOLS").description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in admin.execute("SHOW POOLS").fetchall()]
        ours = next(row for row in rows if row["database"] == "chatplatform")
        assert ours["pool_mode"] == "transaction"
        assert int(ours["sv_active"]) + int(ours["sv_idle"]) + int(ours["sv_used"]) <= POOL
        assert int(ours["cl_active"]) > POOL, "more connections of ours than of the database"
    finally:
        stack.stop_service("web-1")
        stack.start_service("web-1")
        await asyncio.to_thread(stack.wait_healthy, "web-1")
    assert "prepared statement" not in stack.log("web-1")
