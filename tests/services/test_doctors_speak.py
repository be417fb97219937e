"""The servers of published speech doctors, around the published code's calls: what they ask of it, what they return.

The published code is stood in for by objects with its calling conventions; weights cannot be had here.
"""

from __future__ import annotations

import importlib.util
import io
import sys
import wave
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

SERVICES = Path(__file__).resolve().parents[2] / "services"
TONE = np.sin(np.arange(2_400) / 9).astype(np.float32) / 2


def server(folder: str) -> ModuleType:
    name = f"clinic_test_{folder.replace('-', '_')}"
    spec = importlib.util.spec_from_file_location(name, SERVICES / folder / "server.py")
    assert spec and spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path[:] = before
    return module


def request(speak: bool, wav: bytes = b"RIFF....WAVE", **options: Any) -> dict[str, Any]:
    return {
        "contract": 1, "language": "zh", "intake": {}, "exchange": 1, "max_turns": 4, "seed": 3, "speak": speak,
        "options": {"intake": "none", **options}, "dialogue": [{"role": "patient", "text": "", "audio": {"wav": wav}}],
    }


def heard(reply: dict[str, Any]) -> tuple[int, int]:
    with wave.open(io.BytesIO(reply["wav"])) as file:
        return file.getframerate(), file.getnframes()


class Kimi:
    def generate(self, said: list[dict[str, Any]], *, output_type: str, **settings: Any) -> tuple[Any, str]:
        assert [part["message_type"] for part in said] == ["audio"]
        return torch.from_numpy(TONE)[None] if output_type == "both" else None, " 多久了？ "


def test_kimi_audio_makes_sound_only_when_it_is_asked_to() -> None:
    doctor = server("kimi-audio").KimiAudio()
    doctor.model, doctor.speaks = Kimi(), True
    said = doctor.reply(request(True))
    assert said["text"] == "多久了？" and heard(said) == (24_000, 2_400)
    assert doctor.reply(request(False)) == {"text": "多久了？"}
    doctor.speaks = False
    assert doctor.reply(request(True)) == {"text": "多久了？"}


class Step:
    def __call__(self, said: list[dict[str, Any]], **settings: Any) -> tuple[list[int], str, list[int]]:
        self.last, self.settings = said[-1], settings
        return [], "<tts_end>多久了？<|EOT|>", [5, 6_561, 6_560, 7_000]


def test_step_audio_begins_with_its_speech_mark_and_leaves_padding_out() -> None:
    doctor = server("step-audio2").StepAudio2()
    doctor.model, doctor.speaks, doctor.like = Step(), True, "like.wav"
    doctor.decoder = lambda codes, prompt_wav: b"wav of %r like %s" % (codes, prompt_wav.encode())
    said = doctor.reply(request(True, max_new_tokens=100))
    assert said == {"text": "多久了？", "wav": b"wav of [5, 6560] like like.wav"}
    assert doctor.model.last == {"role": "assistant", "content": "<tts_start>", "eot": False}
    assert doctor.model.settings["max_new_tokens"] == 400
    assert doctor.reply(request(False)) == {"text": "多久了？"} and doctor.model.last["content"] is None


class SpeechGPT:
    group_size, device, history, generate_kwargs = 3, "cpu", list[Any](), dict[str, Any]()

    def clear_history(self) -> None:
        self.history.clear()

    def forward(self, *, task: str, mode: str, input: Any, text: str = "") -> tuple[str, Any]:
        self.mode, self.given = mode, text or "sound"
        return "多久了？<|empty|> ###", (24_000, TONE) if mode[2] == "s" else None


def test_speechgpt_answers_in_the_mode_of_what_came_and_what_is_wanted() -> None:
    module = server("speechgpt2")
    doctor = module.SpeechGPT2()
    doctor.inference = model = SpeechGPT()
    said = doctor.reply(request(True))
    assert (said["text"], heard(said), model.mode) == ("多久了？", (24_000, 2_400), "s2s")
    assert doctor.reply(request(False)) == {"text": "多久了？"} and model.mode == "s2t"
    written = request(True)
    written["dialogue"] = [{"role": "patient", "text": "我咳嗽"}]
    doctor.reply(written)
    assert (model.mode, model.given) == ("t2s", "我咳嗽")
    mixed = request(False)
    mixed["dialogue"] += [{"role": "examiner", "text": "正常"}]
    doctor.reply(mixed)
    assert model.mode == "s2t", "nobody wrote the sound down, so it is told as sound"
    mixed["dialogue"][0]["text"] = "我咳嗽"
    doctor.reply(mixed)
    assert model.mode == "t2t" and "我咳嗽" in model.given and "正常" in model.given


class Decoder:
    def offline_inference(self, tokens: Any) -> Any:
        self.tokens = tokens.tolist()
        return torch.from_numpy(TONE)[None]


def test_glm_voice_decodes_the_sound_tokens_alone() -> None:
    doctor = server("glm-4-voice").GLM4Voice()
    doctor.first_sound, doctor.decoder = 1_000, Decoder()
    said = doctor._spoken({"text": "多久了？"}, [7, 1_003, 8, 1_000])
    assert heard(said) == (22_050, 2_400) and doctor.decoder.tokens == [[3, 0]]
    with pytest.raises(Exception, match="no sound"):
        doctor._spoken({"text": "多久了？"}, [7, 8])
