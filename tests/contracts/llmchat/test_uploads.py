"""Files, as LLMChat's document has them: uploading, how far one is, deleting, and the file itself. At both of its bases."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import aiohttp
import pytest

from tests.acceptance.conftest import database
from tests.client import Client
from tests.contracts.llmchat.conftest import ask
from tests.contracts.test_documented_examples import agrees
from tests.retrieval.files import make_dxf, make_pdf, make_png

UPLOADED = json.loads("""{
  "code": "SUCCESS",
  "message": "上传成功",
  "data": {
    "id": "file_uuid",
    "filename": "example.pdf",
    "originalName": "原始文件名.pdf",
    "size": 1024000,
    "type": "document",
    "url": "/uploads/file_uuid.pdf",
    "uploadedAt": "2025-10-18T10:30:00.000Z"
  }
}""")
NAME_IN_PIECES = (
    b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename*=utf-8''a.txt; filename*0=b.txt\r\n\r\ntext\r\n--x--\r\n"
)
TEXT = "The brass widget is polished by hand. 黄铜零件由工匠手工打磨。"


def form_of(content: bytes, name: str, **fields: str) -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("file", content, filename=name)
    for field, value in fields.items():
        form.add_field(field, value)
    return form


async def post(client: Client, path: str, data: Any, **headers: str) -> tuple[int, dict]:
    async with client.session.post(client.url + path, data=data, headers=client.headers | headers) as response:
        return response.status, await response.json()


async def upload(client: Client, content: bytes | str = TEXT, name: str = "notes.txt", base: str = "/api", **fields: str) -> dict:
    body = content.encode() if isinstance(content, str) else content
    status, answer = await post(client, f"{base}/upload", form_of(body, name, **fields))
    assert status == 201, answer
    return answer["data"]


async def until(client: Client, file_id: str, status: str) -> dict:
    async with asyncio.timeout(60):
        while True:
            _, answer = await ask(client, "GET", f"/api/upload/{file_id}")
            if answer["data"]["status"] == status:
                return answer["data"]
            assert answer["data"]["status"] != "failed", answer
            await asyncio.sleep(0.2)


async def test_the_documented_upload_and_what_becomes_of_it(alice, base):
    content = make_pdf([f"{base} 黄铜零件的产品手册。", "The second page."], title="产品手册", author="产品部")
    form = form_of(content, "原始文件名.pdf", type="document", description="文件描述")
    status, answer = await post(alice, f"{base}/upload", form)
    assert status == 201
    agrees(UPLOADED, answer)
    data = answer["data"]
    assert answer["message"] == UPLOADED["message"]
    assert (data["originalName"], data["size"], data["type"]) == ("原始文件名.pdf", len(content), "document")
    assert data["url"] == f"/uploads/{data['id']}.pdf" == f"/uploads/{data['filename']}"
    assert (data["description"], data["status"], data["progress"]["percent"]) == ("文件描述", "waiting", 0)

    ready = await until(alice, data["id"], "ready")
    assert (ready["title"], ready["author"], ready["pages"]) == ("产品手册", "产品部", 2)
    assert ready["progress"] == {"done": 2, "total": 2, "percent": 100}
    assert ready["failure"] is None
    agrees({**UPLOADED, "message": ""}, {"data": ready, "message": "", "code": "SUCCESS"})

    status, answer = await ask(alice, "DELETE", f"{base}/upload/{data['id']}")
    assert (status, answer["code"], answer["data"]) == (200, "SUCCESS", None)
    assert (await ask(alice, "GET", f"{base}/upload/{data['id']}"))[0] == 404
    assert (await ask(alice, "DELETE", f"{base}/upload/{data['id']}"))[0] == 404


async def test_the_file_itself_comes_whole_as_an_attachment_and_to_nobody_else(alice, bob):
    data = await upload(alice, name="a;filename=b.html 手册.txt")
    url = alice.url + data["url"]
    async with alice.session.get(url, headers=alice.headers | {"Range": "bytes=0-3"}) as response:
        assert (response.status, await response.text()) == (200, TEXT)
        assert response.headers["Content-Type"].startswith("text/plain")
        assert response.headers["Content-Disposition"].startswith("attachment; filename*=utf-8''a%3Bfilename%3Db.html%20")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response.headers["Content-Security-Policy"]
        assert response.headers["Accept-Ranges"] == "none"
        assert response.headers["Cache-Control"] == "private, no-store"
    async with alice.session.head(url, headers=alice.headers) as response:
        assert (response.status, int(response.headers["Content-Length"])) == (200, len(TEXT.encode()))
    for client, path, expected in (
        (bob, url, 404),
        (alice, url.replace(".txt", ".html"), 404),
        (alice, f"{alice.url}/uploads/{uuid.uuid4()}.txt", 404),
        (alice, f"{alice.url}/uploads/..%2f..%2fsecrets.json", 404),
        (alice, f"{alice.url}/uploads/{'x' * 300}", 404),
    ):
        async with client.session.get(path, headers=client.headers) as response:
            assert response.status == expected, path
            assert response.content_type == "application/json"
    async with alice.session.get(url) as response:
        assert response.status == 401
    async with alice.session.post(url, headers=alice.headers) as response:
        assert response.status == 405


async def test_pictures_and_drawings(alice):
    picture = await upload(alice, make_png(), "p.png", type="image")
    drawing = await upload(alice, make_dxf(["Flange DN50"]), "d.dxf", type="cad")
    assert (picture["type"], picture["mimeType"], drawing["type"]) == ("image", "image/png", "cad")
    kept = await until(alice, picture["id"], "ready")
    assert (kept["progress"]["total"], kept["failure"]["code"]) == (0, "no_text_in_picture")
    assert (await until(alice, drawing["id"], "ready"))["progress"]["total"] > 0


async def test_the_same_content_twice_is_one_file_also_at_once(alice):
    answers = await asyncio.gather(*(upload(alice, "the same words", f"{number}.txt") for number in range(5)))
    assert len({answer["id"] for answer in answers}) == 1
    _, listed = await ask(alice, "GET", "/api/upload")
    assert listed["data"]["pagination"]["total"] == 1


async def test_the_list_is_one_s_own_newest_first_in_pages(alice, bob):
    ids = [(await upload(alice, f"text {number}"))["id"] for number in range(3)]
    await upload(bob, "another text")
    status, answer = await ask(alice, "GET", "/api/upload?page=1&limit=2")
    assert (status, [item["id"] for item in answer["data"]["items"]]) == (200, ids[:0:-1])
    assert answer["data"]["pagination"] == {"page": 1, "limit": 2, "total": 3, "totalPages": 2}
    assert (await ask(alice, "GET", "/api/upload?page=2&limit=2"))[1]["data"]["items"][0]["id"] == ids[0]
    assert (await ask(alice, "GET", "/api/upload?topic_id=999999999"))[0] == 404
    assert (await ask(alice, "GET", "/api/upload?topic_id=all"))[0] == 400


async def test_somebody_else_s_file_does_not_exist(alice, bob):
    data = await upload(alice, "of alice alone")
    for method in ("GET", "DELETE"):
        theirs, nobodys = [await ask(bob, method, f"/api/upload/{name}") for name in (data["id"], uuid.uuid4())]
        for answer in (theirs[1], nobodys[1]):
            answer.pop("timestamp")
        assert theirs == nobodys
        assert (theirs[0], theirs[1]["code"]) == (404, "NOT_FOUND")
    assert (await ask(alice, "GET", f"/api/upload/{data['id']}"))[0] == 200


@pytest.mark.parametrize(
    ("content", "name", "fields", "status", "field"),
    [
        (b"", "a.txt", {}, 400, "file"),
        (b"\x00\x00\x00\x18ftypmp42", "a.mp4", {}, 400, "file"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg", {}, 400, "file"),
        (b"<html><script>alert(1)</script></html>", "a.html", {}, 400, "file"),
        (make_pdf(["page"]), "a.png", {}, 400, "file"),
        (b"text", "a.txt", {"type": "movie"}, 400, "type"),
        (b"text", "a.txt", {"type": "cad"}, 400, "type"),
        (b"text", "a.txt", {"description": "x" * 2_001}, 400, "description"),
        (b"text", "a.txt", {"description": "nul \x00"}, 400, "description"),
        (b"text", "a.txt", {"topic_id": "mine"}, 400, "topic_id"),
        (b"text", "a.txt", {"topic_id": "-1"}, 400, "topic_id"),
        (b"text", "a.txt", {"topic_id": "9" * 30}, 400, "topic_id"),
        (b"text", "a.txt", {"topic_id": "999999999"}, 404, None),
        (b"a" * (10 * 1024 * 1024 + 1), "a.txt", {}, 413, None),
        (b"a" * 12_000_000, "a.txt", {}, 413, None),
    ],
)
async def test_what_is_refused_says_why_and_leaves_nothing(platform, alice, content, name, fields, status, field):
    before = files_of(platform)
    answered, answer = await post(alice, "/api/upload", form_of(content, name, **fields))
    assert (answered, answer["error"].get("field")) == (status, field), answer
    _, listed = await ask(alice, "GET", "/api/upload")
    assert listed["data"]["items"] == []
    assert files_of(platform) <= before


async def test_what_is_no_form_is_refused(alice):
    for data, kind, status in (
        (b'{"file": "a"}', "application/json", 415),
        (b"file=a", "application/x-www-form-urlencoded", 415),
        (b"nothing like it", "multipart/form-data; boundary=x", 400),
        (b"nothing like it", "multipart/form-data", 400),
        (b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--x--\r\n', "multipart/form-data; boundary=x", 400),
        (b"", "multipart/form-data; boundary=x", 400),
        (NAME_IN_PIECES, "multipart/form-data; boundary=x", 400),
        (NAME_IN_PIECES, "multipart/form-data; boundary*=bogus''x", 400),
        (NAME_IN_PIECES, "multipart/form-data; boundary=x; charset=hex", 400),
    ):
        answered, answer = await post(alice, "/api/upload", data, **{"Content-Type": kind})
        assert (answered, answer["code"] != "SUCCESS") == (status, True), (data, kind, answer)
    parts = b"".join(b'--x\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n' % number for number in range(5_000))
    answered, _ = await post(alice, "/api/upload", parts + b"--x--\r\n", **{"Content-Type": "multipart/form-data; boundary=x"})
    assert answered == 400


async def test_an_upload_that_is_cut_off_leaves_no_row_and_no_file(platform, alice):
    before = files_of(platform)
    host, port = platform.url.removeprefix("http://").split(":")
    for sent in (0, 1_000, 1_000_000):
        _, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /api/upload HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {alice.token}\r\n"
        head += "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 2000000\r\n\r\n"
        part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        writer.write(head.encode() + part + b"a" * sent)
        await writer.drain()
        writer.close()
    _, listed = await ask(alice, "GET", "/api/upload")
    assert listed["data"]["items"] == []
    assert files_of(platform) <= before


async def test_a_broken_file_has_failed_and_the_worker_reads_the_next(alice):
    broken = await upload(alice, b"%PDF-1.7\n" + b"nothing that anybody could read " * 10 + b"\n%%EOF", "b.pdf")
    async with asyncio.timeout(60):
        while (shown := (await ask(alice, "GET", f"/api/upload/{broken['id']}"))[1]["data"])["status"] != "failed":
            await asyncio.sleep(0.2)
    assert shown["failure"]["code"] == "broken"
    assert not shown["failure"]["message"].isascii()
    _, answer = await ask(alice, "GET", f"/api/upload/{broken['id']}", **{"Accept-Language": "en"})
    assert answer["data"]["failure"]["message"].isascii()
    assert (await until(alice, (await upload(alice, "the next"))["id"], "ready"))["progress"]["percent"] == 100


async def test_a_topic_s_documents(platform, alice, bob):
    with database(platform) as connection:
        topic = connection.execute(
            """INSERT INTO retrieval_topic (owner_id, name, description, for_everyone, updated_at)
               SELECT id, 'Manuals', '', true, now() FROM accounts_user WHERE username = %s RETURNING id""",
            [alice.username],
        ).fetchone()[0]
    data = await upload(alice, "in a topic", topicId=str(topic))
    assert data["topicId"] == topic
    for parameter in ("topicId", "topic_id"):  # the second is its older name
        _, listed = await ask(bob, "GET", f"/api/upload?{parameter}={topic}")
        assert [item["id"] for item in listed["data"]["items"]] == [data["id"]]
    assert (await ask(bob, "GET", f"/api/upload/{data['id']}"))[0] == 200
    status, answer = await ask(bob, "DELETE", f"/api/upload/{data['id']}")
    assert (status, answer["code"]) == (403, "FORBIDDEN")
    status, answer = await post(bob, "/api/upload", form_of(b"into it", "a.txt", topic_id=str(topic)))
    assert (status, answer["code"]) == (403, "FORBIDDEN")


def files_of(platform) -> set[str]:
    return {str(path) for path in (platform.data_dir / "documents").rglob("*") if path.is_file()}
