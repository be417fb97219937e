"""openai-transcription: a real server that transcribes, and servers that go wrong in the ways real ones do."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.listeners.transcription_transport import read_text
from agents.llm.tape import on_tape
from agents.llm.transport import Fault
from agents.sound.wave import read_sound
from scenarios.errors import AgentFailure, ClinicError, InputError
from tests.agents.listeners.listening import NOTHING, broken, listener, spoken, tones, understood, view
from tests.agents.listeners.tiny_whisper import tiny_whisper
from tests.agents.listeners.transcription_server import Answer, Form, TranscriptionServer


def counted(form: Form) -> str:
    """Stand in for a model where only the way to it is tested."""
    return f"{read_sound(form['file']).seconds:.2f} s in {form.get('language', b'?').decode()}"


@pytest.fixture
def server() -> Iterator[TranscriptionServer]:
    with TranscriptionServer(counted) as server:
        yield server


def ear_at(server: TranscriptionServer, **options: Any) -> Any:
    return listener("openai-transcription", **{"model": "tiny", "base_url": server.url, "timeout_s": 20, **options})


async def test_a_real_model_behind_the_contract_hears_what_it_hears_without(tmp_path: Path) -> None:
    import whisper

    model = whisper.load_model(str(tiny_whisper(tmp_path / "tiny.pt")), device="cpu")
    one_at_a_time = threading.Lock()

    def heard(samples: Any, language: str) -> str:
        with one_at_a_time:
            told = model.transcribe(samples, language=language, temperature=0.0, fp16=False)
        return " ".join(str(told["text"]).split())

    with TranscriptionServer(lambda form: heard(read_sound(form["file"]).samples, form["language"].decode())) as server:
        ear = ear_at(server)
        await ear.preflight(0)
        for language in ("zh", "en"):
            sound = spoken(language, 24_000)
            here = await understood(ear, sound, language)
            assert here == heard(read_sound(server.forms[-1]["file"]).samples, language) != ""
        texts = await asyncio.gather(*(understood(ear, sound) for sound in tones(6)))
        assert len(set(texts)) > 1 and all(texts)
        await ear.aclose()


async def test_what_is_sent_is_the_contract(server: TranscriptionServer) -> None:
    ear = ear_at(server, prompt_zh="患者说：\r\n“疼”", send_seed=True, extra_form={"top_k": 5, "stream": False})
    assert await understood(ear, spoken("zh", 44_100), seed=2**40 + 7) == f"{spoken().seconds:.2f} s in zh"
    form = server.forms[0]
    assert read_sound(form.pop("file")).rate_hz == 16_000
    assert {name: value.decode() for name, value in form.items()} == {
        "model": "tiny", "language": "zh", "prompt": "患者说：\r\n“疼”", "temperature": "0.0", "seed": "7",
        "response_format": "json", "top_k": "5", "stream": "false",
    }
    await ear.aclose()


@pytest.mark.parametrize("written", ["json", "verbose_json", "text"])
async def test_each_form_of_reply_is_read(server: TranscriptionServer, written: str) -> None:
    ear = ear_at(server, response_format=written, language="auto")
    assert (await understood(ear, spoken())).endswith("s in ?")
    await ear.aclose()


async def test_no_more_at_once_than_the_server_has_places(server: TranscriptionServer) -> None:
    server.script.extend(Answer(200, b'{"text": "x"}', wait_s=0.05) for _ in range(20))
    ear = ear_at(server, max_concurrency=3)
    assert await asyncio.gather(*(understood(ear, spoken()) for _ in range(20))) == ["x"] * 20
    assert server.most_at_once == 3
    await ear.aclose()


@pytest.mark.parametrize("fault", [
    Answer(429, b"busy", {"Retry-After": "0.05"}), Answer(500, b"oh"), Answer(reset=True), Answer(200, b"\x00\xff{"),
    Answer(200, b'{"text": 7}'), Answer(200, b"<html>a gateway</html>"), Answer(200, b'{"error": "out of memory"}'),
    Answer(503, b"away"), Answer(200, b'{"text": "cut', {"Content-Length": "40"}),
], ids=lambda fault: f"{fault.status}-{fault.body[:9]!r}{'-reset' * fault.reset}")
async def test_what_passes_is_tried_again(server: TranscriptionServer, fault: Answer) -> None:
    server.script.append(fault)
    ear = ear_at(server, timeout_s=2)
    assert (await understood(ear, spoken())).endswith("in zh")
    await ear.aclose()


@pytest.mark.parametrize(("fault", "owner", "kind"), [
    (Answer(500, b"oh"), "infrastructure", "server_error"), (Answer(200, b"{}"), "infrastructure", "server_error"),
    (Answer(400, b'{"error": "bad language"}'), "infrastructure", "bad_request"),
    (Answer(400, b"this model's maximum context length is 448"), "listener", "context_overflow"),
    (Answer(404, b'{"error": "model x does not exist"}'), "infrastructure", "unknown_model"),
    (Answer(200, b'{"text": "' + b"a" * 5_000 + b'"}'), "infrastructure", "oversized_reply"),
    (Answer(wait_s=5), "infrastructure", "timeout"), (Answer(reset=True), "infrastructure", "connection"),
])
async def test_what_stays_has_an_owner(server: TranscriptionServer, fault: Answer, owner: str, kind: str) -> None:
    server.script.extend([fault] * 2)
    ear = ear_at(server, retries=1, timeout_s=0.5, max_reply_bytes=2_000)
    with pytest.raises(AgentFailure) as failure:
        await ear.listen(view(spoken()))
    assert (failure.value.owner, failure.value.kind) == (owner, kind)
    await ear.aclose()


async def test_a_dead_server_is_waited_for(server: TranscriptionServer) -> None:
    url = server.url
    server.http.shutdown()
    server.http.server_close()
    ear = ear_at(server, patience_s=0.2)
    with pytest.raises(AgentFailure, match="has not answered for 0.2 s"):
        await ear.listen(view(spoken()))
    with pytest.raises(ClinicError, match=f"nobody answers at {url}"):
        await ear.preflight(0)
    await ear.aclose()


async def test_what_is_wrong_is_told_before_a_run(server: TranscriptionServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.key = "secret"
    for options, said in (
        ({}, "set api_key_env"), ({"api_key_env": "EARS_KEY"}, "which is not set"),
        ({"api_key_env": "EARS_WRONG"}, "refuses the key in EARS_WRONG"),
    ):
        monkeypatch.setenv("EARS_WRONG", "other")
        ear = ear_at(server, **options)
        with pytest.raises(ClinicError, match=said):
            await ear.preflight(0)
        await ear.aclose()
    monkeypatch.setenv("EARS_RIGHT", "secret")
    ear = ear_at(server, api_key_env="EARS_RIGHT", model="other")
    with pytest.raises(InputError, match="cannot transcribe with model 'other'"):
        await ear.preflight(0)
    await ear.aclose()


async def test_nothing_is_sent_where_nothing_is_to_be_heard(server: TranscriptionServer) -> None:
    ear = ear_at(server)
    assert [await understood(ear, sound) for sound in NOTHING] == [""] * len(NOTHING)
    with pytest.raises(AgentFailure, match="no numbers"):
        await ear.listen(view(broken()))
    assert not server.forms
    await ear.aclose()


class Recording(dict[str, Any]):
    """A tape in memory."""

    replaying = False

    def find(self, request: str) -> Any:
        return self.get(request)

    def keep(self, request: str, reply: Any) -> None:
        self[request] = reply


async def test_a_recorded_run_is_heard_again_without_the_server(server: TranscriptionServer) -> None:
    tape, ear = Recording(), ear_at(server)
    with on_tape(tape):
        first = await understood(ear, spoken())
        tape.replaying = True
        assert len(tape) == len(server.forms) == 1
        assert await understood(ear, spoken(), seed=9) == first and len(server.forms) == 1
        with pytest.raises(AgentFailure, match="no transcription of this sound"):
            await ear.listen(view(spoken("en"), "en"))
    await ear.aclose()


def test_texts_that_look_like_something_else_are_read() -> None:
    assert read_text("{咳嗽} 三天".encode(), "text") == "{咳嗽} 三天"
    assert read_text(b'{"text": "\\ud83d"}', "json") == "�"
    with pytest.raises(Fault, match="no transcription"):
        read_text(io.BytesIO(b"[" * 100_000).read(), "json")


@pytest.mark.parametrize(("options", "said"), [
    ({"base_url": ""}, "must look like"), ({"base_url": "http://user:pass@host/v1"}, "must not hold"),
    ({"api_key": "sk-123"}, "keys never stand in files"), ({"response_format": "srt"}, "response_format"),
])
def test_wrong_options_are_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        listener("openai-transcription", model="x", **options)
    assert "sk-123" not in str(error.value)
