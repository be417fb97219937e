"""funasr: folders in the published layout with random weights are loaded and listen, and what is wrong is told.

FunASR takes ten to twenty seconds to import, so that all tests that need it stand here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.listeners.funasr_decoding import plain
from agents.sound.wave import Sound
from scenarios.errors import AgentFailure, ClinicError, InputError
from tests.agents.listeners.listening import (
    NOTHING,
    broken,
    listener,
    spoken,
    tones,
    two_minutes,
    understood,
    view,
    with_code,
)
from tests.agents.listeners.tiny_funasr import paraformer, sense_voice

KINDS = ("sense-voice", "paraformer")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("funasr")
    return {"sense-voice": sense_voice(place / "sense-voice"), "paraformer": paraformer(place / "paraformer")}


@pytest.fixture
def copied(folders: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    return lambda kind: Path(shutil.copytree(folders[kind], tmp_path / "model"))


@pytest.mark.parametrize("kind", KINDS)
async def test_speech_of_any_rate_becomes_words_the_same_every_time(kind: str, folders: dict[str, Path]) -> None:
    ear, other = (listener("funasr", model=str(folders[kind])) for _ in range(2))
    heard = {}
    for language in ("zh", "en"):
        heard[language] = await understood(ear, spoken(language), language)
        assert heard[language] and heard[language] == await understood(other, spoken(language), language, seed=2)
        assert await understood(ear, spoken(language, 44_100), language)
        assert "<|" not in heard[language] and "▁" not in heard[language]
    assert heard["zh"] != heard["en"]
    await asyncio.gather(ear.aclose(), other.aclose())


@pytest.mark.parametrize(("kind", "batch_size"), [("sense-voice", 8), ("sense-voice", 1), ("paraformer", 1)])
async def test_many_at_once_hear_what_each_hears_alone(kind: str, batch_size: int, folders: dict[str, Path]) -> None:
    ear = listener("funasr", model=str(folders[kind]), batch_size=batch_size)
    alone = [await understood(ear, sound) for sound in tones(16)]
    assert await asyncio.gather(*(understood(ear, sound) for sound in tones(16))) == alone
    assert len(set(alone)) > 10
    await ear.aclose()


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_heard_is_what_funasr_hears(kind: str, copied: Callable[[str], Path]) -> None:
    from funasr import AutoModel

    folder = copied(kind)
    config = yaml.safe_load((folder / "config.yaml").read_text("utf-8"))
    config["frontend_conf"]["dither"] = 0.0
    (folder / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    ear = listener("funasr", model=str(folder))
    published = AutoModel(model=str(folder), device="cpu", disable_update=True, disable_pbar=True)
    for language in ("zh", "en"):
        told = published.generate(input=[spoken(language).samples], language=language, use_itn=True)[0]["text"]
        assert await understood(ear, spoken(language), language) == plain(told) != ""
    await ear.aclose()


@pytest.mark.parametrize("kind", KINDS)
async def test_two_minutes_are_heard_to_the_end(kind: str, folders: dict[str, Path]) -> None:
    ear, sound = listener("funasr", model=str(folders[kind])), two_minutes()
    whole = await understood(ear, sound)
    without_end = await understood(ear, Sound(sound.samples[: -2 * 16_000], 16_000))
    assert sound.seconds > 120 and len(whole) > len(without_end) > 100
    await ear.aclose()


async def test_language_and_writing_are_told_to_sense_voice(folders: dict[str, Path]) -> None:
    model, heard = str(folders["sense-voice"]), set()
    for options in ({}, {"language": "yue"}, {"use_itn": False}):
        ear = listener("funasr", model=model, **options)
        heard.add(await understood(ear, spoken()))
        await ear.aclose()
    assert len(heard) == 3


def test_marks_are_taken_off() -> None:
    assert plain("<|zh|><|NEUTRAL|><|Speech|><|withitn|>我发烧了，38.5度。") == "我发烧了，38.5度。"
    assert plain("<|en|><|HAPPY|><|Laughter|><|woitn|>▁three days<unk>") == "three days"
    assert plain("<|nospeech|><|Event_UNK|>") == "" and plain("血压<120，脉搏>60") == "血压<120，脉搏>60"


@pytest.mark.parametrize("kind", KINDS)
async def test_where_nothing_is_to_be_heard_nothing_is_made_up(kind: str, folders: dict[str, Path]) -> None:
    ear = listener("funasr", model=str(folders[kind]))
    assert [await understood(ear, sound) for sound in NOTHING] == [""] * len(NOTHING)
    with pytest.raises(AgentFailure, match="no numbers"):
        await ear.listen(view(broken()))
    await ear.aclose()


async def test_nothing_else_in_the_process_is_touched(
    folders: dict[str, Path], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    root, state = logging.getLogger(), torch.random.get_rng_state()
    monkeypatch.setattr(root, "handlers", [])
    ear = listener("funasr", model=str(folders["sense-voice"]))
    await ear.preflight(0)
    await understood(ear, spoken())
    assert root.handlers == [] and capfd.readouterr().out == ""
    assert torch.equal(state, torch.random.get_rng_state())
    await ear.aclose()


async def test_code_beside_the_weights_is_never_run(copied: Callable[[str], Path], tmp_path: Path) -> None:
    folder, ran = copied("sense-voice"), tmp_path / "ran"
    code = f"import pathlib\npathlib.Path({str(ran)!r}).touch()\n"
    for name in ("model.py", "funasr.py", "sense_voice.py"):
        (folder / name).write_text(code)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    told = {"trust_remote_code": True, "remote_code": str(folder / "model.py"), "init_param": "/etc/hostname",
            "encoder_conf": config["encoder_conf"], "_target_": "pathlib.Path.touch"}
    (folder / "config.yaml").write_text(yaml.safe_dump(config | told))
    ear = listener("funasr", model=str(folder))
    assert await understood(ear, spoken()) and not ran.exists()
    (folder / "config.yaml").write_text("model: !!python/object/apply:os.system [touch x]\n")
    with pytest.raises(InputError, match="cannot be read"):
        listener("funasr", model=str(folder))
    await ear.aclose()


def spoil(folder: Path, how: str, ran: Path) -> None:
    import torch

    config, weights = yaml.safe_load((folder / "config.yaml").read_text()), folder / "model.pt"
    held = torch.load(weights, weights_only=True)
    if how == "code":
        with_code(weights, ran)
    elif how == "cut":
        weights.write_bytes(weights.read_bytes()[:20_000])
    elif how == "some":
        torch.save({name: value for name, value in held.items() if "encoders." not in name}, weights)
    elif how == "shape":
        torch.save({name: value.repeat(2) if value.dim() == 1 else value for name, value in held.items()}, weights)
    elif how == "statistics":
        (folder / "am.mvn").write_text("<Nnet>\nno numbers\n")
    elif how == "encoder":
        (folder / "config.yaml").write_text(yaml.safe_dump(config | {"encoder": "os.system"}))
    elif how == "tokens":
        for file in folder.glob("*.bpe.model"):
            file.write_bytes(b"no tokens")


@pytest.mark.parametrize(("how", "said"), [
    ("code", "asks to run code"), ("cut", "damaged"), ("some", "does not fit"), ("shape", "does not fit"),
    ("encoder", "does not describe"), ("tokens", "does not describe"), ("statistics", "am.mvn does not hold"),
])
async def test_weights_that_cannot_be_used_say_why(
    how: str, said: str, copied: Callable[[str], Path], tmp_path: Path
) -> None:
    folder, ran = copied("sense-voice"), tmp_path / "ran"
    spoil(folder, how, ran)
    ear = listener("funasr", model=str(folder))
    with pytest.raises(InputError, match=said):
        await ear.preflight(0)
    with pytest.raises(AgentFailure, match=said) as failure:
        await ear.listen(view(spoken()))
    assert failure.value.kind == "model_not_loaded" and not ran.exists()
    await ear.aclose()


@pytest.mark.parametrize("missing", ["config.yaml", "model.pt", "am.mvn", "tokens.json"])
def test_an_incomplete_folder_names_what_is_missing(missing: str, copied: Callable[[str], Path]) -> None:
    folder = copied("paraformer")
    (folder / missing).unlink()
    with pytest.raises(InputError, match=f"{missing}.*modelscope download"):
        listener("funasr", model=str(folder))


def test_files_outside_the_folder_are_not_taken(copied: Callable[[str], Path], tmp_path: Path) -> None:
    folder = copied("sense-voice")
    (tmp_path / "other.pt").write_bytes((folder / "model.pt").read_bytes())
    os.remove(folder / "model.pt")
    (folder / "configuration.json").write_text(json.dumps({"file_path_metas": {"init_param": "../other.pt"}}))
    with pytest.raises(InputError, match="holds no model.pt"):
        listener("funasr", model=str(folder))


@pytest.mark.parametrize(("options", "said"), [
    ({"model": "iic/SenseVoiceSmall"}, "nothing is downloaded.*modelscope download"),
    ({"model": "/etc"}, "no config.yaml"),
    ({"model": "x", "trust_remote_code": True}, "trust_remote_code"),
])
def test_models_that_are_not_there_are_never_fetched(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ClinicError, match=said):
        listener("funasr", **options)


def test_a_folder_is_known_by_what_it_holds(folders: dict[str, Path], copied: Callable[[str], Path]) -> None:
    folder = copied("sense-voice")
    mark = listener("funasr", model=str(folder)).fingerprint
    assert mark == listener("funasr", model=str(folders["sense-voice"])).fingerprint
    (folder / "am.mvn").write_text((folder / "am.mvn").read_text().replace("-8.3", "-8.4"))
    assert mark != listener("funasr", model=str(folder)).fingerprint
