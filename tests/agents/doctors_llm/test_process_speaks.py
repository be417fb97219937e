"""The contract's sound: a real server in a process of its own that speaks, and what happens when it speaks badly."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import re
import shutil
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agents.doctors.process import ProcessDoctor, ProcessOptions
from agents.protocols import DoctorReply
from agents.sound.shelf import SoundShelf, shelved
from agents.sound.wave import silence, wav_bytes
from scenarios.errors import AgentFailure, InputError
from tests.agents.doctors_llm.models import view_of
from tests.agents.doctors_llm.servers import doctor_server

ODD = '''
import importlib.util, sys
spec = importlib.util.spec_from_file_location("template", {template!r})
template = importlib.util.module_from_spec(spec)
sys.modules["template"] = template
spec.loader.exec_module(template)

class Odd(template.Doctor):
    name = "odd"
    speaks = True
    def load(self):
        pass
    def reply(self, request):
        said = {{"text": str(request["speak"]), "first_audio_s": 0.125}}
        wish = request["options"].get("wish")
        if wish == "silent":
            return said
        if wish == "no wav":
            return {{**said, "wav": b"RIFFWAVE"}}
        if wish in ("shape", "base64", "noise"):
            bad = {{"shape": 7, "base64": {{"wav_base64": "%"}}, "noise": {{"wav_base64": "AAAA"}}}}[wish]
            return {{**said, "audio": bad}}
        return {{**said, "wav": template.wav_of(b"\\1\\0" * 8000, 16000)}}

template.main(Odd())
'''


@pytest.fixture(scope="module")
def odd(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file = tmp_path_factory.mktemp("odd") / "odd.py"
    file.write_text(ODD.format(template=str(root / "services" / "template" / "server.py")), "utf-8")
    with doctor_server(file) as url:
        yield url


@pytest.fixture(scope="module")
def echo(root: Path) -> Iterator[str]:
    with doctor_server(root / "services" / "template" / "server.py") as url:
        yield url


async def ask(url: str, *, view_speaks: bool = True, **options: Any) -> DoctorReply:
    doctor = ProcessDoctor(ProcessOptions.model_validate({"model": "odd", "url": url, "speak": True, **options}))
    try:
        await doctor.preflight(100)
        return await doctor.reply(dataclasses.replace(view_of("patient: Hello."), speak=view_speaks))
    finally:
        await doctor.aclose()


async def test_a_servers_own_sound_arrives_at_24_khz(odd: str) -> None:
    said = await ask(odd)
    assert said.text == "True" and said.sound is not None
    assert (said.sound.rate_hz, said.sound.seconds, said.first_audio_s) == (24_000, 0.5, 0.125)


@pytest.mark.parametrize("options", [{"view_speaks": False}, {"speak": False}])
async def test_sound_is_asked_for_only_where_it_is_heard(odd: str, options: dict[str, Any]) -> None:
    said = await ask(odd, **options)
    assert (said.text, said.sound) == ("False", None)


@pytest.mark.parametrize(("wish", "message"), [
    ("silent", "only wrote"), ("no wav", "no WAV file"), ("shape", "an object with wav_base64"),
    ("base64", "not base64"), ("noise", "cannot be read as sound"),
])
async def test_bad_sound_is_the_doctors_failure(odd: str, wish: str, message: str) -> None:
    with pytest.raises(AgentFailure, match=message) as failed:
        await ask(odd, options={"wish": wish}, retries=0)
    assert (failed.value.owner, failed.value.kind) == ("doctor", "bad_audio")


async def test_sound_is_not_counted_against_the_bound_of_words(odd: str) -> None:
    assert (await ask(odd, max_reply_bytes=1_000)).sound is not None
    with pytest.raises(AgentFailure) as failed:
        await ask(odd, max_reply_bytes=1_000, max_spoken_s=0.1, retries=0)
    assert failed.value.kind == "oversized_reply"


async def test_the_echo_doctor_speaks_with_espeak(echo: str, root: Path) -> None:
    pytest.importorskip("espeakng_loader")
    said = await ask(echo, model="echo")
    assert said.text.startswith("You say: Hello.") and said.sound is not None
    assert 1.0 < said.sound.seconds < 5.0 and abs(said.sound.samples).max() > 0.1
    readme = (root / "services" / "template" / "README.md").read_text("utf-8")
    found = re.search(r"```json\n(.*?)```", readme, re.S)
    assert found
    body = json.dumps({
        "contract": 1, "language": "en", "intake": {}, "dialogue": [{"role": "patient", "text": "Hi."}], "exchange": 1,
        "max_turns": 3, "seed": 1, "options": {}, "speak": True,
    }).encode()
    request = urllib.request.Request(f"{echo}/v1/reply", body, {"Content-Type": "application/json"})
    reply = json.load(await asyncio.to_thread(urllib.request.urlopen, request, timeout=10))
    jsonschema.validate(reply, {"$ref": "#/$defs/reply", "$defs": json.loads(found[1])["$defs"]})
    assert base64.b64decode(reply["audio"]["wav_base64"])[:4] == b"RIFF" and "wav" not in reply


async def test_a_server_that_does_not_speak_is_found_before_the_run(root: Path, tmp_path: Path) -> None:
    alone = shutil.copytree(root / "services" / "template", tmp_path / "mine")  # nothing beside it speaks
    with doctor_server(alone / "server.py") as url, pytest.raises(InputError, match="does not speak"):
        start = time.monotonic()
        await ask(url, model="echo")
    assert time.monotonic() - start < 10


async def test_without_a_folder_sound_comes_from_the_run_and_words_may_be_missing(tmp_path: Path) -> None:
    doctor = ProcessDoctor(ProcessOptions.model_validate({"model": "odd"}))
    shelf = SoundShelf(tmp_path)
    view = view_of("patient: ", sounds={0: shelf.put(silence(0.1, 16_000))})
    with shelved(shelf):
        said = (await doctor._payload(view))["dialogue"][0]
    assert said["text"] == "" and base64.b64decode(said["audio"]["wav_base64"]) == wav_bytes(silence(0.1, 16_000))
    with pytest.raises(AgentFailure) as failed:
        await doctor._payload(view)
    assert failed.value.kind == "no_audio_root"


@pytest.mark.parametrize("text", ["", "My chest hurts."])
async def test_a_server_that_only_reads_is_never_sent_sound_without_words(
    echo: str, tmp_path: Path, text: str
) -> None:
    doctor = ProcessDoctor(ProcessOptions.model_validate({"model": "echo", "url": echo}))
    shelf = SoundShelf(tmp_path)
    view = view_of(f"patient: {text}", sounds={0: shelf.put(silence(0.1, 16_000))})
    with shelved(shelf):
        if text:
            assert (await doctor.reply(view)).text.startswith("You say: My chest hurts.")
        else:
            with pytest.raises(AgentFailure, match="send_audio: false") as failed:
                await doctor.reply(view)
            assert (failed.value.owner, failed.value.kind) == ("infrastructure", "deaf")
    await doctor.aclose()
