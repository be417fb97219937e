"""A speech model as a doctor: what has sound is heard, from one folder only."""

from __future__ import annotations

import base64
import io
import wave
from pathlib import Path
from typing import Any

import pytest

from agents.doctors.audio_chat import AudioChatDoctor, AudioChatOptions
from agents.doctors.sounds import SoundFolder
from agents.protocols import DoctorView
from scenarios.errors import AgentFailure, InputError
from scenarios.schema import AudioRef, BackendRef
from tests.agents.doctors_llm.models import ToldModel, view_of
from tests.helpers import small_case


def wav(seconds: float = 0.05) -> bytes:
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(b"\0\0" * int(16_000 * seconds))
    return held.getvalue()


def ref(path: str) -> AudioRef:
    return AudioRef(path=path, sample_rate_hz=16_000, seconds=0.05)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "run"
    (root / "audio").mkdir(parents=True)
    for name in ("one", "two"):
        (root / "audio" / f"{name}.wav").write_bytes(wav())
    (tmp_path / "secret.wav").write_bytes(wav())
    return root


def spoken() -> DoctorView:
    return view_of(
        "patient: My chest hurts.", "doctor: Since when?", "patient: Two days.",
        sounds={0: ref("audio/one.wav"), 2: ref("audio/two.wav")},
    )


async def heard(folder: Path, view: DoctorView, **options: Any) -> list[dict[str, Any]]:
    model = ToldModel()
    made = AudioChatOptions.model_validate({"model": "m", "audio_root": str(folder), "system": "", **options})
    await AudioChatDoctor(made, model).reply(view)
    return model.asked[0]


async def test_sound_goes_in_the_place_of_the_words(folder: Path) -> None:
    first, doctor, last = await heard(folder, spoken(), intake="none")
    assert [part["type"] for part in first["content"]] == ["input_audio"]
    assert base64.b64decode(last["content"][0]["input_audio"]["data"]) == wav()
    assert last["content"][0]["input_audio"]["format"] == "wav"
    assert doctor == {"role": "assistant", "content": "Since when?"}


async def test_vllms_part_is_a_data_url(folder: Path) -> None:
    messages = await heard(folder, spoken(), audio_part="audio_url")
    url = messages[-1]["content"][0]["audio_url"]["url"]
    assert url.startswith("data:audio/wav;base64,")


async def test_words_a_fixed_note_and_the_intake_card_may_stand_beside_the_sound(folder: Path) -> None:
    messages = await heard(folder, spoken(), also_text=True, beside_sound="Answer the patient.")
    kinds = [part["type"] for part in messages[0]["content"]]
    assert kinds == ["text", "input_audio", "text"]
    assert "35 years old" in messages[0]["content"][0]["text"]
    assert messages[0]["content"][2]["text"] == "Answer the patient.\nMy chest hurts."


async def test_what_has_no_sound_is_read(folder: Path) -> None:
    view = view_of("patient: My chest hurts.", "doctor: When?", "patient: Today.", sounds={2: ref("audio/one.wav")})
    messages = await heard(folder, view, intake="none")
    assert messages[0]["content"] == "My chest hurts."
    assert isinstance(messages[2]["content"], list)


async def test_a_transcript_may_hold_sound_between_its_labels(folder: Path) -> None:
    messages = await heard(folder, spoken(), history="transcript", intake="none")
    kinds = [part["type"] for part in messages[0]["content"]]
    assert kinds == ["text", "input_audio", "text", "input_audio", "text"]
    assert messages[0]["content"][-1]["text"].endswith("Doctor:")


@pytest.mark.parametrize("path", ["../secret.wav", "audio/../../secret.wav", "{abs}", "link.wav", "audio\0.wav"])
async def test_no_path_leads_out_of_the_folder(folder: Path, path: str) -> None:
    (folder / "link.wav").symlink_to(folder.parent / "secret.wav")
    view = view_of("patient: Hello.", sounds={0: ref(path.replace("{abs}", str(folder.parent / "secret.wav")))})
    with pytest.raises(AgentFailure) as failed:
        await heard(folder, view)
    assert failed.value.owner == "voice"
    assert failed.value.kind == ("audio_missing" if "\0" in path else "audio_outside")


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"not sound at all", "audio_unreadable"), (wav(2.0), "audio_too_long"), (b"", "audio_unreadable")],
)
async def test_what_is_no_sound_or_too_much_of_it_is_refused(folder: Path, content: bytes, kind: str) -> None:
    (folder / "bad.wav").write_bytes(content)
    with pytest.raises(AgentFailure) as failed:
        await heard(folder, view_of("patient: Hello.", sounds={0: ref("bad.wav")}), max_audio_bytes=10_000)
    assert (failed.value.owner, failed.value.kind) == ("voice", kind)


async def test_without_a_folder_sound_is_refused_with_the_option_to_set() -> None:
    doctor = AudioChatDoctor(AudioChatOptions(model="m"), ToldModel())
    with pytest.raises(AgentFailure, match="audio_root") as failed:
        await doctor.reply(view_of("patient: Hello.", sounds={0: ref("audio/one.wav")}))
    assert failed.value.owner == "infrastructure"


def test_a_file_is_encoded_once_until_it_changes_and_only_so_many_are_kept(folder: Path) -> None:
    sounds = SoundFolder(str(folder), 10**6, keep=1)
    first = sounds.wav_base64(ref("audio/one.wav"))
    assert sounds.wav_base64(ref("audio/one.wav")) is first
    sounds.wav_base64(ref("audio/two.wav"))
    assert sounds.wav_base64(ref("audio/one.wav")) is not first, "the other file took its place"
    (folder / "audio" / "one.wav").write_bytes(wav(0.1))
    assert base64.b64decode(sounds.wav_base64(ref("audio/one.wav"))) == wav(0.1)


def test_spoken_replies_are_refused_with_the_reason() -> None:
    from agents import catalog

    with pytest.raises(InputError, match="cannot be stored yet"):
        catalog.create("doctor", BackendRef.model_validate({"backend": "audio-chat", "model": "m", "speak": True}))


def test_the_forecast_counts_the_sound() -> None:
    doctor = AudioChatDoctor(AudioChatOptions(model="m"), ToldModel())
    once = AudioChatDoctor(AudioChatOptions(model="m", history="last_only"), ToldModel())
    case = small_case()
    assert doctor.forecast(case, 4).longest > doctor.forecast(case, 1).longest + 3 * 200
    assert once.forecast(case, 4).longest == once.forecast(case, 1).longest
