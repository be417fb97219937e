"""whisper: published-format checkpoints of random weights are loaded and listen, and what is wrong is told."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from agents.patience import time_limit
from agents.sound.wave import Sound
from scenarios.errors import AgentFailure, ClinicError, InputError
from tests.agents.listeners.listening import (
    NOTHING,
    broken,
    eye_on_the_loop,
    listener,
    spoken,
    tones,
    two_minutes,
    understood,
    view,
    with_code,
)
from tests.agents.listeners.tiny_whisper import ENGLISH_ONLY, LARGE_V3, tiny_whisper


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper(tmp_path_factory.mktemp("whisper") / "tiny.pt")


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper(tmp_path_factory.mktemp("whisper") / "tiny.en.pt", vocabulary=ENGLISH_ONLY)


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 44_100])
async def test_speech_of_any_rate_becomes_words_the_same_every_time(checkpoint: Path, rate_hz: int) -> None:
    ear, other = listener("whisper", model=str(checkpoint)), listener("whisper", model=str(checkpoint))
    for language in ("zh", "en"):
        heard = await understood(ear, spoken(language, rate_hz), language)
        assert heard and heard == await understood(other, spoken(language, rate_hz), language, seed=2)
    await asyncio.gather(ear.aclose(), other.aclose())


async def test_many_at_once_hear_what_each_hears_alone(checkpoint: Path) -> None:
    ear = listener("whisper", model=str(checkpoint), batch_size=8)
    alone = [await understood(ear, sound) for sound in tones(16)]
    assert await asyncio.gather(*(understood(ear, sound) for sound in tones(16))) == alone
    assert len(set(alone)) > 3  # the words do depend on the sound
    await ear.aclose()


async def test_what_is_heard_is_what_openais_own_functions_hear(checkpoint: Path) -> None:
    import whisper

    ear = listener("whisper", model=str(checkpoint), prompt_en="a patient", prompt_zh="")
    published = whisper.load_model(str(checkpoint), device="cpu")
    for language, prompt in (("en", "a patient"), ("zh", None)):
        mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(spoken(language).samples), 80)
        options = whisper.DecodingOptions(language=language, prompt=prompt, without_timestamps=True, fp16=False)
        told = whisper.decode(published, mel, options)
        assert await understood(ear, spoken(language), language) == " ".join(told.text.split()) != ""
    await ear.aclose()


async def test_two_minutes_are_heard_to_the_end(checkpoint: Path) -> None:
    ear = listener("whisper", model=str(checkpoint))
    sound = two_minutes()
    whole = await understood(ear, sound, "en")
    without_end = await understood(ear, Sound(sound.samples[: -4 * 16_000], 16_000), "en")
    assert sound.seconds > 120 and len(whole) > 4 * len(await understood(ear, spoken("en"), "en")) / 2
    assert whole != without_end
    await ear.aclose()


async def test_other_published_sizes_load(tmp_path: Path, english: Path) -> None:
    large = tiny_whisper(tmp_path / "large-v3.pt", vocabulary=LARGE_V3, mels=128)
    for file in (large, english):
        ear = listener("whisper", model=str(file), beam_size=3)
        assert await understood(ear, spoken("en"), "en")
        await ear.aclose()


async def test_words_are_drawn_with_the_turns_seed(checkpoint: Path) -> None:
    ear = listener("whisper", model=str(checkpoint), temperatures=[0.0, 0.8], logprob_threshold=-0.01)
    first = await understood(ear, spoken(), seed=5)
    together = await asyncio.gather(*(understood(ear, spoken(), seed=seed) for seed in (5, 6, 5)))
    assert together[0] == together[2] == first != together[1]
    await ear.aclose()


async def test_where_nothing_is_to_be_heard_nothing_is_made_up(checkpoint: Path) -> None:
    ear = listener("whisper", model=str(checkpoint))
    assert [await understood(ear, sound) for sound in NOTHING] == [""] * len(NOTHING)
    unsure = listener("whisper", model=str(checkpoint), no_speech_threshold=0.0, logprob_threshold=0.0)
    assert await understood(unsure, spoken()) == ""
    await asyncio.gather(ear.aclose(), unsure.aclose())


async def test_sound_that_is_none_is_a_failure_of_its_maker(checkpoint: Path) -> None:
    ear = listener("whisper", model=str(checkpoint))
    for sound, owner, kind in ((broken(), "voice", "audio_corrupt"), (None, "infrastructure", "no_sound")):
        with pytest.raises(AgentFailure) as failure:
            await ear.listen(view(sound))
        assert (failure.value.owner, failure.value.kind) == (owner, kind)
    await ear.aclose()


async def test_a_model_that_knows_english_only_says_so(english: Path) -> None:
    ear = listener("whisper", model=str(english))
    await ear.preflight(0)
    with pytest.raises(AgentFailure, match="English only"):
        await ear.listen(view(spoken()))
    await ear.aclose()


async def test_the_loop_goes_on_while_weights_load_and_one_listens(checkpoint: Path) -> None:
    ear = listener("whisper", model=str(checkpoint))
    start = time.perf_counter()
    async with eye_on_the_loop() as worst:
        await asyncio.gather(*(understood(ear, sound) for sound in tones(24)))
    assert worst[0] < (time.perf_counter() - start) / 2
    await ear.aclose()


async def test_who_gave_up_waiting_is_not_served_and_others_are(checkpoint: Path) -> None:
    ear = listener("whisper", model=str(checkpoint), batch_size=1)
    await ear.preflight(0)
    long = asyncio.create_task(understood(ear, two_minutes()))
    await asyncio.sleep(0.05)
    waiting = [asyncio.create_task(understood(ear, sound)) for sound in tones(6)]
    await asyncio.sleep(0.01)
    for task in waiting[:3]:
        task.cancel()
    async with time_limit(30):
        assert all(await asyncio.gather(*waiting[3:])) and await long
    assert all(task.cancelled() for task in waiting[:3])
    await ear.aclose()


async def test_weights_are_known_by_what_they_hold(checkpoint: Path, tmp_path: Path) -> None:
    copy, other = tmp_path / "copy.pt", tiny_whisper(tmp_path / "other.pt", seed=2)
    copy.write_bytes(checkpoint.read_bytes())
    marks = [listener("whisper", model=str(file)).fingerprint for file in (checkpoint, copy, other)]
    assert marks[0] == marks[1] != marks[2] and marks[0].startswith("whisper-")


def damaged(kind: str, good: Path, tmp_path: Path) -> tuple[Path, Path]:
    import torch

    file, ran = tmp_path / f"{kind}.pt", tmp_path / "ran"
    held = torch.load(good, weights_only=True)
    content: dict[str, Any] = {
        "shape": held | {"dims": held["dims"] | {"n_text_state": 32}}, "half": {"dims": held["dims"]},
        "list": [1, 2, 3], "dims": held | {"dims": {"n_mels": "many"}},
    }
    if kind == "code":
        with_code(file, ran)
    elif kind in content:
        torch.save(content[kind], file)
    else:
        file.write_bytes({"cut": good.read_bytes()[:100_000], "text": b"no weights" * 50, "empty": b""}[kind])
    return file, ran


@pytest.mark.parametrize(("kind", "said"), [
    ("cut", "damaged"), ("text", "cannot be read as weights|asks to run code"), ("empty", "damaged"),
    ("code", "asks to run code"), ("shape", "no whisper checkpoint"), ("half", "no whisper checkpoint"),
    ("dims", "no whisper checkpoint"), ("list", "holds no weights"),
])
async def test_weights_that_cannot_be_used_say_why(kind: str, said: str, checkpoint: Path, tmp_path: Path) -> None:
    file, ran = damaged(kind, checkpoint, tmp_path)
    ear = listener("whisper", model=str(file))
    with pytest.raises(InputError, match=said):
        await ear.preflight(0)
    with pytest.raises(AgentFailure, match=said) as failure:
        await ear.listen(view(spoken()))
    assert (failure.value.owner, failure.value.kind) == ("infrastructure", "model_not_loaded")
    assert not ran.exists()
    await ear.aclose()


async def test_a_published_models_file_must_be_the_published_one(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "large-v3-turbo.pt").write_bytes(checkpoint.read_bytes())
    ear = listener("whisper", model="turbo", download_root=str(tmp_path))
    with pytest.raises(InputError, match="SHA-256 differs"):
        await ear.preflight(0)
    await ear.aclose()


@pytest.mark.parametrize(("options", "said"), [
    ({"model": "large-v3", "download_root": "/nowhere"}, "whisper.load_model.'large-v3'"),
    ({"model": "/nowhere/x.pt"}, "no file /nowhere/x.pt"), ({"model": "tini"}, "Published: base"),
    ({"model": "x", "temperature": 1}, "temperature"),
])
def test_weights_that_are_not_there_are_never_fetched(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ClinicError, match=said):
        listener("whisper", **options)
