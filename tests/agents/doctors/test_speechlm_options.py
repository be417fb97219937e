"""What a SpeechLM's folder tells before anything is loaded, and how wrong options and files are refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agents import catalog
from agents.doctors.speechlm_options import SpeechLMOptions
from scenarios.errors import InputError
from scenarios.schema import BackendRef, Case
from simulator.checking import check_one
from tests.helpers import small_case


def options(checkpoint: Path | str, **more: Any) -> SpeechLMOptions:
    made = catalog.validate_options(catalog.find("doctor", "speechlm"), {"checkpoint": str(checkpoint), **more})
    assert isinstance(made, SpeechLMOptions)
    return made


def made(checkpoint: Path | str, **more: Any) -> Any:
    return catalog.create("doctor", BackendRef.model_validate(
        {"backend": "speechlm", "checkpoint": str(checkpoint), **more}))


def copy(checkpoint: Path, to: Path, **config: Any) -> Path:
    """Copy a checkpoint, with other values in its configuration (None: without the key)."""
    shutil.copytree(checkpoint, to)
    whole = json.loads((to / "config.json").read_text("utf-8")) | config
    (to / "config.json").write_text(json.dumps({key: value for key, value in whole.items() if value is not None}))
    return to


def test_a_folders_small_files_tell_what_the_model_can(checkpoint: Path, tmp_path: Path) -> None:
    facts = options(checkpoint).facts
    assert facts.folder == checkpoint and facts.vocoder == checkpoint / "vocoder"
    assert facts.speaks and not facts.padded and facts.context == 4096
    published = copy(checkpoint, tmp_path / "published", model_type="omni2_speech2s_qwen2", speech_length=None)
    (published / "generation_config.json").write_text('{"repetition_penalty": 1.05}')
    assert options(published).facts.padded and options(published).facts.repetition_penalty == 1.05


def test_dialogues_without_a_system_message_get_the_one_of_the_checkpoints_own_template(
    checkpoint: Path, tmp_path: Path
) -> None:
    folder = copy(checkpoint, tmp_path / "own")
    template = (
        "{%- if messages[0]['role'] == 'system' %}{{- '<|im_start|>system\\n' + messages[0]['content'] }}"
        "{%- else %}{{- '<|im_start|>system\\nYou are Ann, a doctor.<|im_end|>\\n' }}{%- endif %}"
    )
    (folder / "chat_template.jinja").write_text(template)
    assert options(folder).own_system == "You are Ann, a doctor."
    assert options(folder, system="Be brief.").own_system == "Be brief."
    (folder / "chat_template.jinja").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ '<|im_start|>system\\n' + x }}"}))
    assert options(folder).own_system == ""


def test_a_model_speaks_when_it_has_a_generator_and_a_vocoder_and_is_not_told_to_write(
    checkpoint: Path, tmp_path: Path
) -> None:
    mute = copy(checkpoint, tmp_path / "mute")
    shutil.rmtree(mute / "vocoder")
    assert options(checkpoint).speaks and options(mute, vocoder=str(checkpoint / "vocoder")).speaks
    assert not options(mute).speaks and not options(checkpoint, speak=False).speaks
    with pytest.raises(InputError, match="has no vocoder: name one as vocoder"):
        made(mute, speak=True)
    assert options("not/here").speaks, "what is not here yet may have a voice"
    assert options(checkpoint).hears and not options(checkpoint, hear=False).hears


def test_doctors_whose_loading_options_agree_share_a_model(checkpoint: Path) -> None:
    one = options(checkpoint, temperature=0.5, hear=False, speak=False, max_new_tokens=9)
    assert one.loading() == options(checkpoint).loading() != options(checkpoint, dtype="float16").loading()


@pytest.mark.parametrize(("name", "remedy"), [
    ("none", "there is no folder none"), ("ICTNLP/No-Such-Model", "hf download ICTNLP/No-Such-Model"),
    ("../../etc", "no folder|cannot be read"), ("a/b/c", "there is no folder a/b/c"),
])
def test_what_is_not_here_is_not_fetched_but_the_command_is_named(
    name: str, remedy: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=remedy):
        made(name)


@pytest.mark.parametrize(("file", "content", "problem"), [
    ("config.json", None, "config.json cannot be read"), ("config.json", b"{", "config.json is no JSON"),
    ("config.json", b"[]", "config.json holds no object"), ("model.safetensors", None, "holds no weights"),
    ("model.safetensors", b"\xff" * 64, "no safetensors file"), ("model.safetensors", b"\x04", "no safetensors file"),
    ("model.safetensors.index.json", b"{}", "has no weight_map"),
])
def test_a_damaged_folder_is_refused_with_its_file(
    checkpoint: Path, tmp_path: Path, file: str, content: bytes | None, problem: str
) -> None:
    folder = copy(checkpoint, tmp_path / "damaged")
    (folder / file).unlink(missing_ok=True)
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(InputError, match=problem):
        made(folder)


@pytest.mark.parametrize(("wrong", "key"), [
    ({"ask_requests": "form"}, "ask_requests"), ({"device": "gpu"}, "device"), ({"max_streams": 0}, "max_streams"),
    ({"quantization": "2bit"}, "quantization"), ({"tempreature": 1}, "tempreature"),
    ({"adapter": "/none"}, "'adapter': there is no folder /none"),
])
def test_wrong_options_are_refused_by_name(checkpoint: Path, wrong: dict[str, Any], key: str) -> None:
    with pytest.raises(InputError, match=key):
        made(checkpoint, **wrong)


def test_weights_are_a_fingerprint_and_speed_is_not(checkpoint: Path, tmp_path: Path) -> None:
    same = copy(checkpoint, tmp_path / "same")
    shutil.copy2(checkpoint / "config.json", same / "config.json")
    assert made(checkpoint).fingerprint == made(same, max_streams=2).fingerprint
    file = same / "model.safetensors"
    whole = bytearray(file.read_bytes())
    whole[-40_000:] = os.urandom(40_000)
    file.write_bytes(whole)
    assert made(same).fingerprint != made(checkpoint).fingerprint

    def identity(**more: Any) -> Any:
        return catalog.identity("doctor", BackendRef.model_validate({"backend": "speechlm", "checkpoint": "x", **more}))

    assert identity(device="cpu", max_streams=3, kept_mb=0, compile=True) == identity() != identity(temperature=1)


def test_a_forecast_counts_the_patients_sound_as_the_model_will(checkpoint: Path, tmp_path: Path) -> None:
    case: Case = small_case("c", language="en", title="t", chief_complaint="It hurts.")
    padded = copy(checkpoint, tmp_path / "padded", speech_length="padded")
    reads, real, whole = (
        made(folder, **more).forecast(case, 4)
        for folder, more in ((checkpoint, {"hear": False}), (checkpoint, {}), (padded, {}))
    )
    assert real.longest - reads.longest == 4 * 90 and whole.longest - reads.longest == 4 * 300
    assert whole.prompt - reads.prompt == 300 * (1 + 2 + 3 + 4) and whole.cached > reads.cached


def test_the_list_says_whether_a_checkpoint_lies_here(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(checkpoint.parent / "empty"))
    away = check_one(catalog.find("doctor", "llama-omni2-0.5b"))
    assert away.up is False and "hf download ICTNLP/LLaMA-Omni2-0.5B" in away.why
    assert check_one(catalog.find("doctor", "speechlm")).up


def test_its_options_are_read_without_torch(root: Path) -> None:
    code = ("import sys, agents.catalog as c; from scenarios.schema import BackendRef; "
            "c.validate_options(c.find('doctor', 'speechmedassist'), {}); import agents.doctors.speechlm; "
            "print(sorted({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
