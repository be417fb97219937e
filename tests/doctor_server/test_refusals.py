"""What the server cannot take is refused by name, with the right status, in OpenAI's shape, and never breaks it."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest

from simulator.doctor_server.answers import ErrorAnswer
from tests.doctor_server.conftest import Served, asked, chat, http, said, tone

CHAT = "/chat/completions"
SILENCE = {"modalities": ["text", "audio"]}


def user(*parts: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(parts)}]}


def sound(data: Any, form: Any = "wav") -> dict[str, Any]:
    return user({"type": "input_audio", "input_audio": {"data": data, "format": form}})


def claiming(seconds: int) -> bytes:
    """A WAV file of a tenth of a second that says it lasts longer."""
    wav = bytearray(tone(0.1))
    wav[40:44] = struct.pack("<I", seconds * 32_000)
    return bytes(wav)


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


HEARD = "messages[0].content[0].input_audio.data"
REFUSED: dict[str, tuple[dict[str, Any], int, str | None, str]] = {
    "another model": ({"model": "gpt-4o"}, 404, "model", "'tiny'"),
    "two answers": ({"n": 2}, 400, "n", "leave n out"),
    "tools": ({"tools": [{"type": "function", "function": {"name": "f"}}]}, 400, "tools", "cannot do that"),
    "logprobs": ({"logprobs": True}, 400, "logprobs", "cannot do that"),
    "a penalty": ({"frequency_penalty": 0.5}, 400, "frequency_penalty", "cannot do that"),
    "json": ({"response_format": {"type": "json_object"}}, 400, "response_format.type", "cannot do that"),
    "an unknown key": ({"colour": "red"}, 400, "colour", "does not know it"),
    "a number as text": ({"temperature": "hot"}, 400, "temperature", "valid number"),
    "too hot": ({"temperature": 3}, 400, "temperature", "less than or equal to 2"),
    "no tokens": ({"max_tokens": 0}, 400, "max_tokens", "greater than or equal to 1"),
    "two limits": ({"max_completion_tokens": 7}, 400, "max_tokens", "differ"),
    "nobody speaks": ({"messages": []}, 400, "messages", "at least 1 item"),
    "no content": ({"messages": [{"role": "user"}]}, 400, "messages[0].content", "required"),
    "a stranger": ({"messages": [{"role": "tool", "content": "x"}]}, 400, "messages[0]", "role"),
    "the doctor last": ({"messages": [{"role": "assistant", "content": "x"}]}, 400, "messages", "assistant's own"),
    "the doctor without words": ({"messages": [{"role": "assistant"}, {"role": "user", "content": "x"}]}, 400,
                                 "messages[0].content", "needs its text"),
    "an image": (user({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}), 400,
                 "messages[0].content[0]", "input_audio"),
    "only sound": ({"modalities": ["audio"]}, 400, "modalities", "written too"),
    "a voice unasked": ({"audio": {"voice": "alloy", "format": "wav"}}, 400, "audio", "modalities"),
    "mp3 out": ({**SILENCE, "audio": {"voice": "a", "format": "mp3"}}, 400, "audio.format", "'wav' or 'pcm16'"),
    "wav in pieces": ({**SILENCE, "audio": {"format": "wav"}, "stream": True}, 400, "audio.format", "pcm16"),
    "stream options alone": ({"stream_options": {"include_usage": True}}, 400, "stream_options", "stream: true"),
    "no base64": (sound("not base64!"), 400, HEARD, "not base64"),
    "half of a byte": (sound("AAAAA"), 400, HEARD, "not base64"),
    "no data": (sound(None), 400, HEARD, "valid string"),
    "nothing": (sound(""), 400, HEARD, "empty"),
    "no samples": (sound("", "pcm16"), 400, HEARD, "empty"),
    "half a sample": (sound("AAAA", "pcm16"), 400, HEARD, "odd number"),
    "text as sound": (sound(encoded(b"hello there")), 400, HEARD, "no wav file"),
    "flac as wav": (sound(encoded(b"fLaC" + bytes(40))), 400, HEARD, "no wav file"),
    "a damaged flac": (sound(encoded(b"fLaC" + bytes(40)), "flac"), 400, HEARD, "damaged"),
    "opus": (sound(encoded(tone()), "opus"), 400, "messages[0].content[0].input_audio.format", "'wav'"),
    "cut short": (sound(encoded(tone()[:-2000])), 400, HEARD, "cut short"),
    "two hours claimed": (sound(encoded(claiming(7200))), 400, HEARD, "cut short"),
    "two hours": (sound(encoded(bytes(2 * 24_000 * 400)), "pcm16"), 400, HEARD, "400 s long"),
    "over 30 s": (sound(encoded(tone(31))), 400, "messages", "30 s"),
    "an address": (user({"type": "audio_url", "audio_url": {"url": "http://127.0.0.1/a.wav"}}), 400,
                   "messages[0].content[0].audio_url.url", "pattern"),
    "a file": (user({"type": "audio_url", "audio_url": {"url": "file:///etc/passwd"}}), 400,
               "messages[0].content[0].audio_url.url", "pattern"),
    "a video": (user({"type": "audio_url", "audio_url": {"url": "data:video/mp4;base64,AAAA"}}), 400,
                "messages[0].content[0].audio_url.url", "nothing is fetched"),
    "a full context": ({"max_tokens": 4096}, 400, "messages", "context_length_exceeded"),
    "a long dialogue": (user({"type": "text", "text": "a b " * 80_000}), 400, "messages", "context_length_exceeded"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_taken_is_refused_by_name(server: Served, what: str) -> None:
    change, status, param, words = REFUSED[what]
    answer = http().post(server.url + CHAT, json=chat("Hello") | change, timeout=60)
    error = ErrorAnswer.model_validate_json(answer.content).error
    assert answer.status_code == status, error.message
    assert error.param == param and words in error.message
    assert error.type == "invalid_request_error"


@pytest.mark.parametrize(("content", "words"), [
    (b"", "not JSON"), (b"{", "not JSON"), (b"\xff\xfe", "not JSON"), (b"[" * 100_000, "not JSON"), (b"[]", "object"),
    (b'{"model": "tiny", "messages": [{"role": "user", "content": "\\ud800"}]}', "not JSON"), (b"null", "object"),
    (b'{"model": "tiny"}', "messages: Field required"), (b'{"temperature": NaN}', "model"),
])
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_what_is_no_request_is_refused(server: Served, content: bytes, words: str, kind: str) -> None:
    answer = http().post(server.url + CHAT, content=content, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_what_clients_always_send_is_understood(server: Served) -> None:
    assert http().post(server.url + CHAT, json=chat("Hi", user="me", metadata={"a": "b"}, n=1, tool_choice="none",
                                                  logprobs=False, presence_penalty=0)).status_code == 200


def test_nothing_else_is_there(server: Served) -> None:
    assert http().get(server.root + "/docs").status_code == 404
    wrong = http().get(server.url + CHAT)
    assert wrong.status_code == 405 and wrong.json()["error"]["message"]
    assert http().get(server.root + "/").json()["models"] == ["tiny"]


@pytest.mark.parametrize(("headers", "status"), [
    ({"Host": "evil.example"}, 400), ({"Origin": "https://evil.example"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Origin": "null"}, 403),
])
def test_other_sites_and_names_are_refused(server: Served, headers: dict[str, str], status: int) -> None:
    answer = http().post(server.url + CHAT, json=chat("Hello"), headers=headers)
    assert answer.status_code == status
    assert ErrorAnswer.model_validate_json(answer.content).error.message


async def test_a_token_is_asked_for(opened: Any) -> None:
    async with asked(opened, token="a-token-of-some-length") as client:
        assert (await client.get("/health")).json()["status"] == "ready"
        for path in ("/", "/v1/models", "/metrics", "/openapi.json"):
            answer = await client.get(path)
            assert answer.status_code == 401 and answer.json()["error"]["code"] == "invalid_api_key"
            assert answer.headers["www-authenticate"].startswith("Bearer")
            shown = {"Authorization": "Bearer a-token-of-some-length"}
            assert (await client.get(path, headers=shown)).status_code == 200
        wrong = {"Authorization": "Bearer a-token-of-some-lengti"}
        assert (await client.post("/v1" + CHAT, json=chat("Hi"), headers=wrong)).status_code == 401
        assert (await client.get("/v1/models?token=a-token-of-some-length")).status_code == 401


async def test_bodies_are_bounded(opened: Any) -> None:
    async with asked(opened, max_body=1 << 20, max_bodies=2 << 20) as client:
        large = chat("x" * (1 << 20))
        answer = await client.post("/v1" + CHAT, json=large)
        assert answer.status_code == 413 and "at most 1 MiB" in answer.json()["error"]["message"]

        async def unstated() -> Any:
            for _ in range(40):
                yield b" " * 65_536

        assert (await client.post("/v1" + CHAT, content=unstated())).status_code == 413
        assert (await client.post("/v1" + CHAT, json=chat("Hi"))).status_code == 200
    async with asked(opened, max_bodies=50) as client:
        answer = await client.post("/v1" + CHAT, json=chat("Hi"))
        assert answer.status_code == 429 and answer.headers["retry-after"] == "1"


async def test_many_sounds_are_bounded_together(opened: Any) -> None:
    async with asked(opened, max_sounds_s=2.0) as client:
        assert (await client.post("/v1" + CHAT, json=chat(said(tone(0.9)), said(tone(0.9))))).status_code == 200
        answer = await client.post("/v1" + CHAT, json=chat(*[said(tone(0.9))] * 3))
        assert answer.status_code == 400 and answer.json()["error"]["code"] == "audio_too_long"
        assert "more than 2 s of sound" in answer.json()["error"]["message"]
