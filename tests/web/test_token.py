"""Who comes in to a server with a token, and how; each test fails when its guard is taken away."""

from __future__ import annotations

import pytest

from tests.web.conftest import BASE, TOKEN, Opened

NEW = {"case": "zh-urology-01-chef-flank-pain", "doctor": {"backend": "one-shot"}}
WRITE = "/api/v1/sessions"
OURS = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("path", ["/", "/api", "/api/v1/runs", "/api/openapi.json", "/live", "/nowhere", "/login"])
async def test_nothing_is_told_without_the_token(guarded: Opened, path: str) -> None:
    answer = await guarded.client.get(path)
    assert answer.status_code == 401 and "Bearer" in answer.headers["www-authenticate"]
    assert "small" not in answer.text and guarded.csrf not in answer.text and TOKEN not in answer.text


async def test_a_link_lets_in_once_and_the_address_loses_the_token(guarded: Opened) -> None:
    visitor = guarded.client
    answer = await visitor.get(f"/api/v1/runs?limit=1&token={TOKEN}")
    assert answer.status_code == 303 and answer.headers["location"] == "/api/v1/runs?limit=1"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and TOKEN not in cookie
    assert (await visitor.get("/api/v1/runs")).status_code == 200
    visitor.cookies.clear()
    assert (await visitor.get("/api/v1/runs")).status_code == 401


@pytest.mark.parametrize("value", ["", "wrong", TOKEN[:-1], TOKEN + "x", "中文" * 9, "%ff%00"])
async def test_a_wrong_token_opens_nothing(guarded: Opened, value: str) -> None:
    visitor = guarded.client
    assert (await visitor.get("/", params={"token": value})).status_code == 401
    assert (await visitor.post("/login", data={"token": value, "next": "/"})).status_code == 401
    bearer = {"Authorization": f"Bearer {value}".encode()}
    assert (await visitor.get("/api/v1/runs", headers=bearer)).status_code == 401
    forged = {"Cookie": f"clinic_8750={value}".encode()}
    assert (await visitor.get("/api/v1/runs", headers=forged)).status_code == 401
    assert not visitor.cookies


@pytest.mark.parametrize(("path", "to"), [
    ("//evil.example/x", "/evil.example/x"), ("/%5Cevil.example", "/evil.example"), ("/a%0d%0aX: y", None),
])
async def test_the_link_never_leads_to_another_server(guarded: Opened, path: str, to: str | None) -> None:
    answer = await guarded.client.get(f"{BASE}{path}?token={TOKEN}")
    assert answer.headers.get("location") == to and "x" not in answer.headers


@pytest.mark.parametrize(("after", "to"), [
    ("/live?branch=b2", "/live?branch=b2"), ("//evil.example", "/"), ("/\\evil.example", "/"),
    ("https://evil.example", "/"), ("/a\r\nX: y", "/"), ("", "/"),
])
async def test_the_form_lets_in_and_goes_on_where_it_was_asked(guarded: Opened, after: str, to: str) -> None:
    answer = await guarded.client.post("/login", data={"token": TOKEN, "next": after}, headers=OURS)
    assert answer.status_code == 303 and answer.headers["location"] == to
    assert (await guarded.client.get("/api/v1/runs")).status_code == 200


async def test_the_form_remembers_where_one_wanted_to_go(guarded: Opened) -> None:
    answer = await guarded.client.get('/live?branch="><script>alert(1)</script>')
    assert answer.status_code == 401
    assert 'action="/login"' in answer.text and 'value="/live?branch=' in answer.text
    assert "<script>alert" not in answer.text


async def test_another_site_cannot_try_tokens(guarded: Opened) -> None:
    headers = {"Origin": "https://evil.example"}
    assert (await guarded.client.post("/login", data={"token": TOKEN}, headers=headers)).status_code == 403


async def test_with_a_token_a_write_needs_bearer_or_secret(guarded: Opened) -> None:
    visitor = guarded.client
    assert (await visitor.post(WRITE, json=NEW)).status_code == 401
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert (await visitor.post(WRITE, json=NEW, headers=bearer)).status_code == 201
    await visitor.get("/", params={"token": TOKEN})
    assert (await visitor.post(WRITE, json=NEW)).status_code == 403, "a cookie alone writes nothing"
    assert (await visitor.post(WRITE, json=NEW, headers={**OURS, "X-CSRF-Token": guarded.csrf})).status_code == 201


async def test_static_files_are_there_for_the_form(guarded: Opened) -> None:
    assert (await guarded.client.get("/static/report.css")).status_code == 200
