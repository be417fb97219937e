"""Who may ask, who may write, and what every answer carries; each test fails when its guard is taken away."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
import pytest
import structlog
from fastapi import APIRouter, FastAPI, Request

from scenarios.errors import InputError
from simulator.web.app import make_app
from simulator.web.settings import Settings
from tests.web.conftest import BASE, TOKEN, Opened, opened

NEW = {"case": "zh-urology-01-chef-flank-pain", "doctor": {"backend": "one-shot"}}
WRITE = "/api/v1/sessions"
OURS = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}
pytestmark = pytest.mark.asyncio(loop_scope="module")


def broken(app: FastAPI) -> None:
    """Add pages that fail, one of them in the middle of its answer."""
    router = APIRouter()

    @router.get("/breaks")
    async def breaks() -> None:
        raise RuntimeError("a secret of the inside")

    app.include_router(router)


# -- what every answer carries -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/api", "/api/v1/runs", "/nowhere", "/static/report.css", "/api/v1/runs/none"])
async def test_every_answer_carries_the_careful_headers(visitor: httpx.AsyncClient, path: str) -> None:
    headers = (await visitor.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"


async def test_pages_are_not_kept_and_static_files_are(server: Opened) -> None:
    visitor = server.client
    assert (await visitor.get("/api/v1/runs")).headers["cache-control"] == "no-store"
    versioned = server.app.state.site.links.asset("report.css")
    kept = await visitor.get(versioned)
    assert "immutable" in kept.headers["cache-control"]
    assert "no-cache" in (await visitor.get("/static/report.css")).headers["cache-control"]
    again = await visitor.get(versioned, headers={"If-None-Match": kept.headers["etag"]})
    assert again.status_code == 304 and not again.content


@pytest.mark.parametrize("path", [
    "/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/%2e%2e/pyproject.toml", "/static//etc/passwd",
    "/runs/..%2f..%2fetc", "/api/v1/runs/..%2f..%2fetc", "/api/v1/runs/%2e%2e", "/api/v1/runs/small%00",
    "/api/v1/runs/small/consultations/..%2f/x/0",
])
async def test_no_path_of_a_request_reaches_the_disk(visitor: httpx.AsyncClient, path: str) -> None:
    answer = await visitor.get(path)
    assert answer.status_code in (400, 404, 422), answer.text
    assert "root:" not in answer.text and "import" not in answer.text


async def test_an_unexpected_error_shows_nothing_of_the_inside(settings: Settings) -> None:
    async with opened(settings) as found:
        broken(found.app)
        with structlog.testing.capture_logs() as logs:
            answer = await found.client.get("/breaks")
        assert answer.status_code == 500
        assert "secret" not in answer.text and "Traceback" not in answer.text
        assert answer.headers["x-frame-options"] == "DENY"
        assert logs[-1]["path"] == "/breaks" and logs[-1]["exc_info"]


# -- by which name -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1:8750", "localhost:8750", "[::1]:8750", "127.0.0.1", "LOCALHOST:1"])
async def test_the_servers_own_names_are_answered(visitor: httpx.AsyncClient, host: str) -> None:
    assert (await visitor.get("/api/v1/runs", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:8750", "127.0.0.1.evil.example", "192.168.1.5:8750", "", "a b", "localhost:8750:9",
    "localhost@evil.example", "[::1", "127.0.0.1:8750/x",
])
async def test_a_foreign_name_for_this_address_is_refused(visitor: httpx.AsyncClient, host: str) -> None:
    answer = await visitor.get("/api/v1/runs", headers={"Host": host})
    assert answer.status_code == 400 and "http://127.0.0.1:8750" in answer.json()["detail"]


async def test_two_host_headers_are_refused(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/api/v1/runs", headers=[("Host", "localhost"), ("Host", "evil.example")])
    assert answer.status_code == 400


async def test_a_server_for_others_answers_to_addresses_but_not_to_foreign_names(settings: Settings) -> None:
    async with opened(replace(settings, host="0.0.0.0", token=TOKEN)) as found:
        async def status(host: str) -> int:
            headers = {"Host": host, "Authorization": f"Bearer {TOKEN}"}
            return (await found.client.get("/api/v1/runs", headers=headers)).status_code

        assert await status("192.168.1.5:8750") == 200
        assert await status("evil.example") == 400


async def test_a_server_for_others_needs_a_token(settings: Settings) -> None:
    with pytest.raises(InputError, match="token"):
        make_app(replace(settings, host="0.0.0.0"))


# -- writes ----------------------------------------------------------------------------------------------------------


async def test_a_program_may_write_json_without_more(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.post(WRITE, json=NEW)).status_code == 201


@pytest.mark.parametrize("headers", [
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1234"},
    {"Origin": "https://127.0.0.1:8750"}, {"Origin": "http://127.0.0.1:8750.evil.example"},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"},
    {"Origin": BASE, "Sec-Fetch-Site": "cross-site"},
])
async def test_another_site_cannot_write_even_with_the_secret(server: Opened, headers: dict[str, str]) -> None:
    before = await server.app.state.site.book.list()
    answer = await server.client.post(WRITE, json=NEW, headers={"X-CSRF-Token": server.csrf, **headers})
    assert answer.status_code == 403 and "another site" in answer.json()["detail"]
    assert await server.app.state.site.book.list() == before


@pytest.mark.parametrize("headers", [OURS, {"Origin": BASE}, {"Sec-Fetch-Site": "same-origin"}])
async def test_a_browser_needs_the_secret_to_write(server: Opened, headers: dict[str, str]) -> None:
    async def status(**more: str) -> int:
        return (await server.client.post(WRITE, json=NEW, headers={**headers, **more})).status_code

    assert await status() == 403
    assert await status(**{"X-CSRF-Token": server.csrf[:-1]}) == 403
    assert await status(**{"X-CSRF-Token": ""}) == 403
    assert await status(**{"X-CSRF-Token": server.csrf}) == 201


@pytest.mark.parametrize(("content_type", "body"), [
    ("text/plain", json.dumps(NEW)), ("application/x-www-form-urlencoded", json.dumps(NEW) + "="),
    ("multipart/form-data; boundary=x", "--x--"), ("", json.dumps(NEW)),
])
async def test_what_a_plain_form_can_send_is_no_programs_write(
    visitor: httpx.AsyncClient, content_type: str, body: str
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    assert (await visitor.post(WRITE, content=body, headers=headers)).status_code == 403


@pytest.mark.parametrize("path", ["/batches", "/live/new", "/nowhere"])
async def test_pages_are_written_to_with_the_secret_only(visitor: httpx.AsyncClient, path: str) -> None:
    assert (await visitor.post(path, json={})).status_code == 403
    assert (await visitor.post(path, data={"csrf": "wrong"})).status_code == 403


async def test_the_secret_of_a_form_is_found_and_the_form_still_read(settings: Settings) -> None:
    async with opened(settings) as found:
        async def said(request: Request) -> dict[str, str]:
            return {name: str(value) for name, value in (await request.form()).items()}

        found.app.add_api_route("/said", said, methods=["POST"])
        sent = {"csrf": found.csrf, "text": "发烧三天了 & more"}
        for answer in (await found.client.post("/said", data=sent, headers=OURS),
                       await found.client.post("/said", data=sent, files={"f": ("n", b"x")}, headers=OURS)):
            assert answer.status_code == 200 and answer.json()["text"] == sent["text"], answer.text


async def test_two_servers_have_two_secrets(plain: Opened, with_token: Opened) -> None:
    assert plain.csrf != with_token.csrf and len(plain.csrf) > 30
