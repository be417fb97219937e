"""What a request may say of voices, listeners and doctors that speak; nothing that starts or reads on its own."""

from __future__ import annotations

from typing import Any

import pytest

from scenarios.errors import InputError
from scenarios.schema import Batch
from simulator.web.allowed import check_batch

NEAR = "http://127.0.0.1:8230/v1"


def batch(**more: Any) -> Batch:
    return Batch.model_validate(
        {"name": "b", "cases": [{"library": "en"}], "doctors": {"d": {"backend": "history-taker"}}, **more}
    )


@pytest.mark.parametrize("more", [
    {"voice": {"backend": "espeak", "speed": 1.2}, "listener": {"backend": "transcript", "cer": 0.1}},
    {"doctor_voice": {"backend": "openai-speech", "model": "m", "base_url": NEAR, "voice": "alloy"}},
    {"listener": {"backend": "openai-transcription", "model": "m", "base_url": NEAR}},
    {"doctors": {"d": {"backend": "audio-chat", "model": "m", "speak": True, "speak_stream": True}}},
    {"doctors": {"d": {"backend": "process", "model": "m", "speak": True, "also_text": True}}},
])
def test_may_be_named(more: dict[str, Any]) -> None:
    check_batch(batch(**more))


@pytest.mark.parametrize(("more", "key"), [
    ({"voice": {"backend": "espeak", "workers": 256}}, "voice.workers"),
    ({"voice": {"backend": "cosyvoice", "speakers": "/etc/passwd"}}, "voice"),
    ({"doctor_voice": {"backend": "openai-speech", "model": "m", "base_url": "http://10.0.0.1/v1"}}, "doctor_voice"),
    ({"doctor_voice": {"backend": "openai-speech", "model": "m", "api_key_env": "HOME"}}, "doctor_voice.api_key_env"),
    ({"listener": {"backend": "whisper", "model": "/etc/passwd"}}, "listener"),
    ({"doctors": {"d": {"backend": "history-taker", "listener": {"backend": "whisper", "model": "x"}}}},
     "doctors.d.listener"),
    ({"doctors": {"d": {"backend": "history-taker", "doctor_voice": {"backend": "espeak", "workers": 9}}}},
     "doctors.d.doctor_voice.workers"),
    ({"doctors": {"d": {"backend": "audio-chat", "model": "m", "audio_root": "/etc"}}}, "doctors.d.audio_root"),
])
def test_may_not_be_named(more: dict[str, Any], key: str) -> None:
    with pytest.raises(InputError, match=f"^{key}"):
        check_batch(batch(**more))
