"""The folders of speech servers: pinned, startable, safe to import, documented; and what their servers share."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from packaging.requirements import Requirement

from agents.protocols import SpeakerCard, VoiceView
from agents.voices.cloning import CloningVoice, CosyVoiceOptions, FishSpeechOptions
from agents.voices.speech_server import FINAL, OWNERS
from tests.agents.voices.speech_faults import speaking
from tests.agents.voices.test_speech_servers_cloning import table
from tests.services.speech_servers import SERVICES

__all__ = ["table"]
MODELS = ["cosyvoice", "fish-speech"]
FOLDERS = [*MODELS, "speech-template"]
SHARED = ["speech_contract.py", "speech_service.py", "speech_models.py"]
OURS = {"clinic_service", "speech_contract", "speech_service", "speech_models", "check", "checks"}

sys.path.insert(0, str(SERVICES))
try:
    import speech_models as shared
finally:
    sys.path.pop(0)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_is_pinned_documented_and_can_be_started(folder: str) -> None:
    home = SERVICES / folder
    for line in (home / "requirements.txt").read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            assert "==" in str(Requirement(line).specifier), f"{line} is not pinned"
    assert f"({folder}/README.md)" in (SERVICES / "README.md").read_text("utf-8")
    if folder in MODELS:
        readme, script = (home / "README.md").read_text("utf-8"), home / "start.sh"
        assert "Licence:" in readme and "ot yet run here" in readme
        assert os.access(script, os.X_OK) and "${HOST:-127.0.0.1}" in script.read_text("utf-8")
        assert re.search(r"checkout \S+ [0-9a-f]{40}\b", script.read_text("utf-8"))
        subprocess.run(["bash", "-n", str(script)], check=True)
        options: Any = CosyVoiceOptions if folder == "cosyvoice" else FishSpeechOptions
        port = options(speakers="x").url.rpartition(":")[2]
        assert port in script.read_text("utf-8") and port in readme


@pytest.mark.parametrize("file", [*SHARED, *(f"{folder}/server.py" for folder in FOLDERS), "speech-template/check.py"])
def test_nothing_but_the_standard_library_is_imported_before_the_model_is_loaded(file: str) -> None:
    tree = ast.parse((SERVICES / file).read_text("utf-8"), feature_version=(3, 9))
    for node in tree.body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else \
            [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert all(name.split(".")[0] in sys.stdlib_module_names | OURS for name in names), names
    if file.split("/")[0] in MODELS:
        assert "safe_weights()" in ast.unparse(tree), "published code may unpickle"


def schema(part: str) -> dict[str, Any]:
    text = (SERVICES / "speech-template" / "README.md").read_text("utf-8")
    found = re.search(r"```json\n(.*?)```", text, re.S)
    assert found
    made: dict[str, Any] = json.loads(found[1])
    return {"$ref": f"#/$defs/{part}", "$defs": made["$defs"]}


async def test_what_the_clinic_sends_keeps_the_published_schema(table: Path) -> None:
    async with speaking() as server:
        options = CosyVoiceOptions(url=server.root, speakers=str(table))
        asked = CloningVoice(options)
        await asked.speak(VoiceView("我咳嗽三天了。", SpeakerCard("c", "zh", "female", 8.0, "少年", 3)))
        await asked.aclose()
    jsonschema.validate(server.requests[0], schema("request"))
    for wrong in ({"input": ""}, {"input": "a", "ref_audio": "AAAA"}, {"input": "a", "speed": 9}, {}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema("request"))
    jsonschema.validate({"error": {"kind": "model_error", "message": "x"}}, schema("error"))


def test_every_kind_of_error_in_the_documentation_is_known_to_the_clinic() -> None:
    text = (SERVICES / "speech-template" / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| (`.*?) \| [\d, ]+.*? \| (\w+) \|", text, re.M)
    owners = {kind: owner for kinds, owner in rows for kind in re.findall(r"`(\w+)`", kinds)}
    assert {kind for kind in FINAL} == set(owners) - {"overloaded", "not_ready", "server_error"}
    assert all(OWNERS.get(kind, "infrastructure") == owner for kind, owner in owners.items())


@pytest.mark.parametrize("longest", [1, 7, 20, 80])
def test_a_text_is_cut_without_losing_a_character(longest: int) -> None:
    text = "我咳嗽三天了，晚上厉害。体温38.5度！No fever, no pain. " + "x" * 95 + "……完"
    pieces = shared.pieces_of(text, longest)
    assert all(len(piece) <= longest for piece in pieces)
    said = [character for character in text if character.isalnum()]
    assert said == [character for piece in pieces for character in piece if character.isalnum()]
    if longest == 20:
        assert pieces[:2] == ["我咳嗽三天了，晚上厉害。体温38.5度！", "No fever, no pain. "]
    if longest == 7:
        assert pieces[:3] == ["我咳嗽三天了，", "晚上厉害。", "体温38.5度"], "a number stays whole"


def test_a_short_text_is_one_piece_and_marks_alone_are_none() -> None:
    assert shared.pieces_of("I cough. I cough.", 80) == ["I cough. I cough."]
    assert shared.pieces_of("……！", 80) == [] and shared.pieces_of("", 80) == []


def test_samples_become_bytes_without_wrapping_over() -> None:
    loud = np.array([[0.0, 1.0, 2.0, -1.5, float("nan"), 0.5]])
    assert np.frombuffer(shared.pcm(loud), "<i2").tolist() == [0, 32767, 32767, -32767, 0, 16384]


def test_a_loader_that_ends_or_fails_is_heard() -> None:
    assert shared.watched(lambda: 5) == 5
    with pytest.raises(OSError, match="gone"):
        shared.watched(lambda: (_ for _ in ()).throw(OSError("gone")))


@pytest.mark.parametrize(("text", "clean"), [
    ("a<|im_end|>b", "ab"), ("a<<|x|>|endofprompt|>b", "ab"), ("a [laughter] b", "a  laughter  b"), ("a < b", "a < b"),
])
def test_control_tokens_are_taken_out_however_they_are_hidden(text: str, clean: str) -> None:
    assert shared.cleaned(text, r"[\[\]]") == clean
