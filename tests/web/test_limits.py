"""What is too much, or no request at all; each test fails when its guard is taken away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from simulator.web.limits import MAX_ADDRESS, MAX_BODY
from tests.web.conftest import BASE, Opened

WRITE = "/api/v1/sessions"
OURS = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}
pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_large_body_is_refused_by_its_stated_length(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.post(WRITE, content=b"x" * (MAX_BODY + 1), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413 and "1 MiB" in answer.json()["detail"]


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
async def test_a_large_body_is_refused_while_it_comes_in(server: Opened, content_type: str) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 64 * MAX_BODY:
            sent += 65_536
            yield b"x" * 65_536

    headers = {"Content-Type": content_type, **OURS}
    if content_type == "application/json":
        headers["X-CSRF-Token"] = server.csrf
    answer = await server.client.post(WRITE, content=endless(), headers=headers)
    assert answer.status_code == 413
    assert sent <= 2 * MAX_BODY, "the rest was not read"


@pytest.mark.parametrize("length", ["-1", "many", "1e3", "9" * 40])
async def test_a_stated_length_that_is_none_is_refused(visitor: httpx.AsyncClient, length: str) -> None:
    answer = await visitor.post(WRITE, content=b"{}", headers={"Content-Length": length})
    assert answer.status_code in (400, 413)


async def test_a_long_address_is_refused(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get("/api/v1/runs?x=" + "a" * MAX_ADDRESS)).status_code == 414
    assert (await visitor.get("/" + "a" * MAX_ADDRESS)).status_code == 414


@pytest.mark.parametrize("body", [
    b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b"{}" * 3, b"[" * 5000, b'{"case": ' + b"9" * 5000 + b"}", b"NaN",
    b'{"case": "a\\u0000b", "doctor": {"backend": "one-shot"}}',
    b'{"case": "x", "title": "\\ud800", "doctor": {"backend": "one-shot"}}',
    b'{"case": "x", "doctor": {"backend": "one-shot", "options": {"\\udfff": 1}}}',
    b'{"case": "x", "doctor": {"backend": "one-shot", "options": {"decided": NaN}}}',
    b'{"case": "x", "doctor": {"backend": "one-shot", "options": {"decided": 1e999}}}',
    b'{"case": "x", "doctor": {"backend": "one-shot", "options": ' + b'{"a":' * 50 + b"1" + b"}" * 50 + b"}}",
])
async def test_a_body_that_makes_no_sense_is_refused(visitor: httpx.AsyncClient, body: bytes) -> None:
    answer = await visitor.post(WRITE, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json" and answer.json()["detail"]


@pytest.mark.parametrize("body", [b"--y\r\n", b"--x\r\nContent-Disposition: form-data\r\n\r\nz\r\n--x--", b"\xff" * 99])
async def test_a_form_that_makes_no_sense_is_refused(visitor: httpx.AsyncClient, body: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x", **OURS}
    assert (await visitor.post("/batches", content=body, headers=headers)).status_code in (400, 403)


async def test_many_form_fields_are_refused(server: Opened) -> None:
    body = "&".join(f"a{number}=1" for number in range(5000)) + f"&csrf={server.csrf}"
    headers = {"Content-Type": "application/x-www-form-urlencoded", **OURS}
    assert (await server.client.post("/batches", content=body, headers=headers)).status_code == 400


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
async def test_a_wrong_method_is_refused(visitor: httpx.AsyncClient, method: str) -> None:
    answer = await visitor.request(method, "/api/v1/runs", json={})
    assert answer.status_code == 405 and "access-control-allow-origin" not in answer.headers


async def test_nobody_elses_page_may_read_answers(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/api/v1/runs", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


# -- over a socket ---------------------------------------------------------------------------------------------------


async def raw(address: str, request: bytes) -> bytes:
    """Send bytes as they are and return what comes back."""
    host, _, port = address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    await writer.drain()
    try:
        return await asyncio.wait_for(reader.read(65_536), 10)
    finally:
        writer.close()


@pytest.mark.parametrize("request_", [
    b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n", b"\x00\x01\x02\r\n\r\n",
    b"GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
    b"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
])
async def test_what_is_no_proper_request_is_refused_over_the_wire(live_server: str, request_: bytes) -> None:
    answer = await raw(live_server, request_)
    assert answer.startswith(b"HTTP/1.1 4"), answer[:200]
    assert b"server: " not in answer.lower()


async def test_a_wrong_value_is_named_but_not_repeated(visitor: httpx.AsyncClient) -> None:
    body = {"case": "x", "doctor": {"backend": "one-shot"}, "title": "sk-secret" * 100}
    answer = await visitor.post(WRITE, json=body)
    assert answer.status_code == 422 and "secret" not in answer.text
    assert answer.json()["errors"] == [{"where": "body.title", "problem": "String should have at most 200 characters"}]
