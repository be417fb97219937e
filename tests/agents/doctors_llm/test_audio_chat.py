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
from agents.sound.shelf import SoundShelf, shelved
from agents.sound.wave import silence
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


@pytest.mark.parametrize("more", [{"ask_requests": "form"}, {"engine": "in-process"}])
def test_what_cannot_be_spoken_is_refused_with_the_reason(more: dict[str, str]) -> None:
    from agents import catalog

    options = {"backend": "audio-chat", "model": "m", "speak": True}
    catalog.create("doctor", BackendRef.model_validate(options))
    with pytest.raises(InputError, match="speak: "):
        catalog.create("doctor", BackendRef.model_validate({**options, **more}))


async def test_without_a_folder_sound_is_read_from_the_run_that_is_under_way(folder: Path) -> None:
    shelf = SoundShelf(folder)
    stored = shelf.put(silence(0.1, 16_000))
    with shelved(shelf):
        messages = await heard(folder, view_of("patient: Hello.", sounds={0: stored}), audio_root="", intake="none")
        sent = base64.b64decode(messages[0]["content"][0]["input_audio"]["data"])
        assert sent == shelf.place(stored).read_bytes()
        with pytest.raises(AgentFailure, match="leads out of the run's sound") as failed:
            await heard(folder, view_of("patient: Hello.", sounds={0: ref("run.json")}), audio_root="")
        assert failed.value.kind == "audio_outside"
        with pytest.raises(AgentFailure, match="there is no file"):
            await heard(folder, view_of("patient: Hello.", sounds={0: ref("audio/none.wav")}), audio_root="")
        named = await heard(folder, spoken(), intake="none")
    assert base64.b64decode(named[0]["content"][0]["input_audio"]["data"]) == wav(), "a named folder still wins"


@pytest.mark.parametrize("history", ["messages", "transcript", "last_only"])
@pytest.mark.parametrize("also_text", [False, True])
async def test_a_doctor_that_hears_is_not_told_the_words_and_nothing_empty_is_sent(
    folder: Path, history: str, also_text: bool
) -> None:
    view = view_of(
        "patient: ", "doctor: Since when?", "patient: ",
        sounds={0: ref("audio/one.wav"), 2: ref("audio/two.wav")},
    )
    messages = await heard(folder, view, history=history, also_text=also_text)
    parts = [part for message in messages if isinstance(message["content"], list) for part in message["content"]]
    assert sum(part["type"] == "input_audio" for part in parts) == (1 if history == "last_only" else 2)
    assert all(part["text"].strip() for part in parts if part["type"] == "text")
    assert all(message["content"] for message in messages)


def test_the_forecast_counts_the_sound() -> None:
    doctor = AudioChatDoctor(AudioChatOptions(model="m"), ToldModel())
    once = AudioChatDoctor(AudioChatOptions(model="m", history="last_only"), ToldModel())
    case = small_case()
    assert doctor.forecast(case, 4).longest > doctor.forecast(case, 1).longest + 3 * 200
    assert once.forecast(case, 4).longest == once.forecast(case, 1).longest
