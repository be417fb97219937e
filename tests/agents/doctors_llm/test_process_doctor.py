"""The HTTP contract: a real server in a process of its own, and a doctor that speaks through it."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agents.doctors.process import ProcessDoctor, ProcessOptions
from agents.protocols import DoctorReply, IntakeCard
from graphs.consultation import Cast, build_consultation
from scenarios.errors import AgentFailure, ClinicError, InputError, UnknownName
from tests.agents.doctors_llm.models import view_of
from tests.agents.doctors_llm.servers import doctor_server
from tests.agents.doctors_llm.test_audio_chat import ref, wav
from tests.helpers import QuietExaminer, TalkingPatient, small_case, start

ODD = '''
import importlib.util, os, pathlib, sys, time
where = {template!r}
spec = importlib.util.spec_from_file_location("template", where)
template = importlib.util.module_from_spec(spec)
sys.modules["template"] = template
spec.loader.exec_module(template)
Refused = template.Refused
state = pathlib.Path(__file__).with_suffix(".tries")

class Odd(template.Doctor):
    name = "odd"
    hears = True
    def load(self):
        if os.environ.get("BROKEN"):
            raise OSError("no weights here")
        time.sleep(float(os.environ.get("LOADING", "0")))
    def reply(self, request):
        wish = request["options"].get("wish", "")
        if wish == "busy once" and not state.exists():
            state.write_text("1")
            raise Refused(429, "overloaded", "come back")
        if wish == "fall over once" and not state.exists():
            state.write_text("1")
            raise RuntimeError("CUDA error")
        if wish.startswith("kind "):
            raise Refused(422, wish[5:], "as wished")
        if wish == "nonsense":
            return {{"text": "a", "requests": "ECG"}}
        if wish == "long":
            return {{"text": "a" * 100_000}}
        sounds = [len(s["audio"].get("wav", s["audio"].get("file"))) for s in request["dialogue"] if "audio" in s]
        said = "%s %s %s %d/%d" % (request["seed"], sounds, request["intake"]["caregiver"],
                                   request["exchange"], request["max_turns"])
        return {{"text": said, "requests": ["ECG"], "differential": ["angina"], "first_s": 0.25,
                "usage": {{"prompt": 5, "completion": 2}}, "audio": {{"later": 1}}}}

template.main(Odd())
'''


@pytest.fixture(scope="module")
def template(root: Path) -> Path:
    return root / "services" / "template" / "server.py"


@pytest.fixture(scope="module")
def echo(template: Path) -> Iterator[str]:
    with doctor_server(template) as url:
        yield url


@pytest.fixture
def odd_file(template: Path, tmp_path: Path) -> Path:
    file = tmp_path / "odd.py"
    file.write_text(ODD.format(template=str(template)), "utf-8")
    return file


@pytest.fixture
def odd(odd_file: Path) -> Iterator[str]:
    with doctor_server(odd_file) as url:
        yield url


@pytest.fixture(scope="module")
def schema(root: Path) -> dict[str, Any]:
    text = (root / "services" / "template" / "README.md").read_text("utf-8")
    found = re.search(r"```json\n(.*?)```", text, re.S)
    assert found
    made: dict[str, Any] = json.loads(found[1])
    return made


def doctor(url: str, model: str = "odd", **options: Any) -> ProcessDoctor:
    return ProcessDoctor(ProcessOptions.model_validate({"model": model, "url": url, **options}))


async def one_reply(asked: ProcessDoctor, *said: str, **about: Any) -> DoctorReply:
    try:
        return await asked.reply(view_of(*(said or ("patient: Hello.",)), **about))
    finally:
        await asked.aclose()


async def test_a_consultation_is_held_with_a_doctor_in_another_process(echo: str) -> None:
    asked = doctor(echo, "echo")
    await asked.preflight(2000)
    room = Cast(asked, TalkingPatient(), QuietExaminer())
    try:
        state = await build_consultation(room).compile().ainvoke(start(small_case()))
    finally:
        await asked.aclose()
    spoken = [turn.text for turn in state["turns"] if turn.role == "doctor"]
    assert spoken[0] == "You say: patient line 0 What else?"
    assert spoken[-1] == "I will pass that on. Please rest."


async def test_everything_of_a_reply_arrives(odd: str) -> None:
    card = IntakeCard(3, "male", "mother", "my son")
    reply = await one_reply(doctor(odd), intake=card)
    assert reply.text == "11 [] mother 1/6"
    assert (reply.requests, reply.differential, reply.first_s) == (("ECG",), ("angina",), 0.25)
    assert reply.usage is not None and (reply.usage.prompt, reply.usage.completion) == (5, 2)


async def test_the_request_keeps_the_published_schema(schema: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav())
    asked = doctor("http://127.0.0.1:1", audio_root=str(tmp_path))
    talk = ("patient: 您好", "doctor: 嗯", "examiner: 正常", "patient: 好")
    view = view_of(*talk, language="zh", sounds={3: ref("a.wav")})
    payload = await asked._payload(view)
    request = {"$ref": "#/$defs/request", "$defs": schema["$defs"]}
    jsonschema.validate(payload, request)
    assert "wav_base64" in payload["dialogue"][3]["audio"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**payload, "dialogue": []}, request)


@pytest.mark.parametrize("way", ["wav", "path"])
async def test_sound_reaches_the_server_as_bytes_or_as_a_file_of_the_same_disk(
    odd_file: Path, tmp_path: Path, way: str
) -> None:
    (tmp_path / "a.wav").write_bytes(wav())
    with doctor_server(odd_file, "--audio-root", str(tmp_path)) as url:
        asked = doctor(url, audio_root=str(tmp_path), send_audio_as=way)
        reply = await one_reply(asked, sounds={0: ref("a.wav")})
    length = len(wav()) if way == "wav" else len(str((tmp_path / "a.wav").resolve()))
    assert reply.text.startswith(f"11 [{length}]")


@pytest.mark.parametrize(
    ("wish", "owner", "kind"),
    [
        ("kind context_overflow", "doctor", "context_overflow"),
        ("kind refusal", "doctor", "refusal"),
        ("kind audio_unreadable", "voice", "audio_unreadable"),
        ("kind bad_request", "infrastructure", "bad_request"),
        ("nonsense", "doctor", "bad_reply"),
        ("long", "infrastructure", "oversized_reply"),
    ],
)
async def test_every_failure_has_its_owner(odd: str, wish: str, owner: str, kind: str) -> None:
    with pytest.raises(AgentFailure) as failed:
        await one_reply(doctor(odd, options={"wish": wish}, max_reply_bytes=10_000))
    assert (failed.value.owner, failed.value.kind) == (owner, kind)
    assert not failed.value.retryable


@pytest.mark.parametrize("wish", ["busy once", "fall over once"])
async def test_what_may_pass_is_tried_again(odd: str, wish: str) -> None:
    assert (await one_reply(doctor(odd, options={"wish": wish}))).text


async def test_a_doctor_waits_while_the_server_loads_its_model(odd_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADING", "1.5")
    with doctor_server(odd_file) as url:
        asked = doctor(url)
        reply, _ = await asyncio.gather(asked.reply(view_of("patient: Hello.")), asked.preflight(100))
        await asked.aclose()
    assert reply.text


async def test_a_model_that_cannot_be_loaded_stops_the_run_before_it_begins(
    odd_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKEN", "1")
    with doctor_server(odd_file) as url:
        asked = doctor(url)
        with pytest.raises(InputError, match="no weights here"):
            await asked.preflight(100)
        with pytest.raises(AgentFailure, match="no weights here"):
            await one_reply(asked)


async def test_another_model_than_the_batch_names_is_refused(echo: str) -> None:
    asked = doctor(echo, "ecco")
    with pytest.raises(UnknownName, match="Did you mean 'echo'"):
        await asked.preflight(100)
    await asked.aclose()


async def test_nobody_there_is_said_with_the_fix() -> None:
    asked = doctor("http://127.0.0.1:9")
    with pytest.raises(ClinicError, match="start the doctor's server"):
        await asked.preflight(100)
    await asked.aclose()


def _post(url: str, content: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(url, content, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


GOOD: dict[str, Any] = {
    "contract": 1, "language": "en", "intake": {}, "dialogue": [{"role": "patient", "text": "Hi."}], "exchange": 1,
    "max_turns": 3, "seed": 1, "options": {},
}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"contract": 2}, "contract 2"), ({"language": "fr"}, "language"), ({"dialogue": []}, "dialogue"),
        ({"dialogue": [{"role": "nurse", "text": "x"}]}, r"dialogue\[0\].role"), ({"seed": "1"}, "seed"),
        ({"dialogue": [{"role": "patient", "text": "x", "audio": {"wav_base64": "%"}}]}, "base64"),
        ({"dialogue": [{"role": "patient", "text": "x", "audio": {"path": "/etc/passwd"}}]}, "--audio-root"),
    ],
)
def test_the_template_names_what_is_wrong_with_a_request(
    echo: str, schema: dict[str, Any], change: dict[str, Any], named: str
) -> None:
    status, said = _post(f"{echo}/v1/reply", json.dumps({**GOOD, **change}).encode())
    assert status == 400
    jsonschema.validate(said, {"$ref": "#/$defs/error", "$defs": schema["$defs"]})
    assert re.search(named, said["error"]["message"])


def test_the_template_answers_what_is_no_request_at_all_and_lives_on(echo: str) -> None:
    assert _post(f"{echo}/v1/reply", b"{")[0] == 400
    assert _post(f"{echo}/v1/reply", b"[" * 100_000)[0] == 400
    assert _post(f"{echo}/v1/else", b"{}")[0] == 404
    assert _post(f"{echo}/v1/reply", json.dumps(GOOD).encode(), **{"Content-Type": "text/plain"})[0] == 415
    assert _post(f"{echo}/v1/reply", json.dumps(GOOD).encode())[0] == 200


def test_a_path_out_of_the_audio_folder_is_refused_by_the_server_too(template: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "secret.wav").write_bytes(wav())
    with doctor_server(template, "--audio-root", str(tmp_path / "run")) as url:
        sound = {"path": "../secret.wav", "sample_rate_hz": 16000, "seconds": 1}
        said = {**GOOD, "dialogue": [{"role": "patient", "text": "x", "audio": sound}]}
        status, answer = _post(f"{url}/v1/reply", json.dumps(said).encode())
    assert (status, answer["error"]["kind"]) == (422, "audio_unreadable")


async def test_a_server_with_a_key_wants_it(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTOR_KEY", "s3cret")
    with doctor_server(template, "--key-env", "DOCTOR_KEY") as url:
        assert (await one_reply(doctor(url, "echo", api_key_env="DOCTOR_KEY"))).text
        with pytest.raises(AgentFailure) as failed:
            await one_reply(doctor(url, "echo"))
    assert failed.value.kind == "unauthorised"
    assert "s3cret" not in failed.value.message
