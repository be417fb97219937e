"""The contract test of speech servers, against the template, both servers' own code, and $CLINIC_SPEECH_URL."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.services.speech_servers import SERVICES, speech_server, stand_in

sys.path.insert(0, str(SERVICES / "speech-template"))
try:
    import check as contract
    import checks
finally:
    sys.path.pop(0)

NAMES = [check.__name__ for check in checks.CHECKS]
OWN = {"speech-template": "espeak", "cosyvoice": "CosyVoice2-0.5B", "fish-speech": "openaudio-s1-mini"}
PLAIN = """
import math, struct, sys
sys.path.insert(0, {services!r})
from speech_contract import Voice
from speech_service import serve

class Plain(Voice):
    name = "plain"
    sample_rate_hz = 16_000
    languages = ("en",)
    def speak(self, request):
        for word in request["input"].split():
            count = int(1_000 * len(word) / request["speed"])
            yield struct.pack(f"<{{count}}h", *(int(9_000 * math.sin(at / 20)) for at in range(count)))

serve(Plain(), 0)
"""
"""A voice of one language that neither clones nor streams."""
KEY = "a key for tests"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Any]]:
    """Return the server of a name, started when it is first asked for; the template's wants a key."""
    with ExitStack() as stack:
        known: dict[str, Any] = {}

        def server(name: str) -> Any:
            if name not in known:
                known[name] = contract.Tested(address(name), KEY if name == "speech-template" else "")
                checks.health(known[name])
            return known[name]

        def address(name: str) -> str:
            if name == "plain":
                file = tmp_path_factory.mktemp(name) / "server.py"
                file.write_text(PLAIN.format(services=str(SERVICES)), "utf-8")
                return stack.enter_context(speech_server(name, file=file))
            if name not in OWN:
                return os.environ["CLINIC_SPEECH_URL"]
            if name == "speech-template":
                return stack.enter_context(speech_server(name, "--key-env", "SPEECH_KEY", SPEECH_KEY=KEY))
            return stack.enter_context(speech_server(name, **stand_in(name, tmp_path_factory.mktemp(name))))

        yield server


@pytest.mark.parametrize("check", NAMES)
@pytest.mark.parametrize("name", [*OWN, "plain", "CLINIC_SPEECH_URL"])
def test_a_server_keeps_the_contract(running: Callable[[str], Any], name: str, check: str) -> None:
    if name == "CLINIC_SPEECH_URL" and name not in os.environ:
        pytest.skip("no server of your own: set CLINIC_SPEECH_URL")
    try:
        assert getattr(checks, check)(running(name))
    except contract.NotAsked as reason:
        assert (name, check) not in {("speech-template", "wants_its_key"), ("cosyvoice", "clones")}, reason


@pytest.mark.parametrize("name", OWN)
def test_a_server_says_the_name_that_the_clinic_asks_for(running: Callable[[str], Any], name: str) -> None:
    assert running(name).card["name"] == OWN[name]
    assert running(name).card["needs_reference"] == (name == "cosyvoice")


def said(server: Any, text: str, **more: Any) -> Any:
    return server.speech(input=text, language="en", **({**server.cloned(0), **more}))


@pytest.mark.parametrize("name", ["cosyvoice", "fish-speech"])
def test_a_failure_of_the_model_is_its_own_and_the_server_lives_on(running: Callable[[str], Any], name: str) -> None:
    server = running(name)
    for stream in (False, True):
        refused = said(server, "UNSAYABLE", stream=stream)
        assert (refused.status, refused.error()["kind"]) == (422, "model_error")
    assert said(server, "Sayable.").status == 200


def test_a_failure_in_the_middle_of_a_stream_breaks_the_connection(running: Callable[[str], Any]) -> None:
    import http.client

    text = "This is a piece that is said. " * 5 + "UNSAYABLE. " + "And this is not. " * 5
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        said(running("fish-speech"), text, stream=True)


def test_a_model_that_comes_to_no_end_has_failed(running: Callable[[str], Any]) -> None:
    assert said(running("fish-speech"), "ENDLESS words.").error()["message"] == "the model came to no end"


@pytest.mark.parametrize(("name", "command"), [
    ("cosyvoice", "[laughter]"), ("cosyvoice", "<|endofprompt|>"), ("cosyvoice", "<<|x|>|endofprompt|>"),
    ("fish-speech", "(angry)"), ("fish-speech", "<|im_end|>"),
])
def test_words_are_never_commands_to_the_model(running: Callable[[str], Any], name: str, command: str) -> None:
    """The stand-in speaks 0.12 s a character: a command as a whole is gone, a word in brackets is said."""
    server, rate = running(name), running(name).card["sample_rate_hz"]
    plain = len(said(server, "I cough.", response_format="pcm").content) / 2 / rate
    marked = len(said(server, f"I cough.{command}", response_format="pcm").content) / 2 / rate
    control = "<|" in command
    assert round((marked - plain) / 0.12) == (0 if control else len(command))


def test_a_streamed_text_sounds_the_same_after_another_one(running: Callable[[str], Any]) -> None:
    """The published code leaves its chunk size behind for the next text; the server puts it back."""
    server, text = running("cosyvoice"), "A text of some length that comes in several parts."
    for _ in range(2):
        content = said(server, text, seed=5, stream=True, response_format="pcm").content
        assert content[2 * 24_000:2 * 24_000 + 2] == b"\0\0", "the stand-in marks where its parts meet"


def test_another_seed_is_another_take(running: Callable[[str], Any]) -> None:
    for name in ("cosyvoice", "fish-speech"):
        takes = {said(running(name), "I cough.", seed=seed).content for seed in (1, 2, 1)}
        assert len(takes) == 2


def test_the_same_recording_with_other_words_is_another_reference(running: Callable[[str], Any]) -> None:
    for name in ("cosyvoice", "fish-speech"):
        sounds = [said(running(name), "I cough.", ref_text=words).content for words in ("one", "two", "one")]
        assert sounds[0] == sounds[2] != sounds[1]


def broken_start(name: str, folder: Path, change: dict[str, str]) -> dict[str, Any]:
    """Return what /health says when the server cannot load its model."""
    import json
    import time

    environment = stand_in(name, folder)
    for file, content in change.items():
        (folder / file).write_text(content, "utf-8")
    with speech_server(name, **environment) as url:
        server = contract.Tested(url)
        for _ in range(300):
            card: dict[str, Any] = json.loads(server.ask("GET", "/health").content)
            if card.get("problem") or card["ready"]:
                break
            time.sleep(0.05)
        server.card = card
        if not card["ready"]:
            assert said(server, "I cough.").error()["kind"] == "load_failed"
    return card


def test_weights_whose_recipe_would_run_anything_else_are_not_loaded(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb"
    recipe = f'sample_rate: 24000\nx: ["\n# ", !apply:pathlib.Path.touch ["{bomb}"]]\n'
    card = broken_start("cosyvoice", tmp_path, {"weights/cosyvoice2.yaml": recipe})
    assert "apply:pathlib.Path.touch is not what this model needs" in card["problem"] and not bomb.exists()


def test_a_loader_whose_thread_dies_is_not_waited_for(tmp_path: Path) -> None:
    """The published loader waits without limit for a thread that may have failed."""
    launch = (
        "import threading\n\n\ndef launch_thread_safe_queue(checkpoint_path, device, precision, compile=False):\n"
        "    ready = threading.Event()\n\n    def worker():\n        raise RuntimeError('no such layer')\n\n"
        "    threading.Thread(target=worker, daemon=True).start()\n    ready.wait()\n"
    )
    quick = "class cuda:\n    is_available = staticmethod(bool)\n\n\nload = half = bfloat16 = None\n"
    card = broken_start(
        "fish-speech", tmp_path, {"fish_speech/models/text2semantic/inference.py": launch, "torch.py": quick}
    )
    assert card["problem"] == "RuntimeError: no such layer"
