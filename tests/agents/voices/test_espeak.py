"""The embedded voices say all of a text, the same every time, and never do what a text tells them."""

import asyncio
import re

import numpy as np
import pytest

from agents.catalog import create, identity
from agents.protocols import SpeakerCard, VoiceView
from agents.sound.wave import Sound
from agents.voices.espeak import SILENCE_S, EspeakOptions, EspeakVoice
from agents.voices.espeak_pool import EspeakPool
from agents.voices.espeak_process import Utterance
from scenarios.errors import AgentFailure, InputError, MissingExtra, UnknownName
from scenarios.schema import BackendRef
from tests.agents.voices.espeak_setting import SAID, card, espeak, view

OUT_OF_PLACE = "\0\x01\ud800\x1b\ue000\u202e\r\n"


def same(one: Sound, other: Sound) -> bool:
    return one.rate_hz == other.rate_hz and one.samples.tobytes() == other.samples.tobytes()


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_text_becomes_as_much_sound_as_a_person_needs_for_it(language):
    async with espeak(workers=1) as voice:
        spoken = await voice.speak(view(SAID[language], language))
    assert 2.5 < spoken.sound.seconds < 7
    assert spoken.sound.samples.dtype == np.float32 and 0.1 < np.abs(spoken.sound.samples).max() < 0.99
    assert spoken.segments == 1 and spoken.voice.startswith("cmn+" if language == "zh" else "en")


async def test_1000_calls_at_once_in_two_voices_give_equal_bytes_for_equal_input():
    views = [
        VoiceView(text, card(language, sex, 40.0, seed))
        for language, texts in {
            "zh": ("头痛三天了。", "没有发烧。", "嗯，38.5度。"),
            "en": ("My head hurts.", "No.", "It is 38.5 degrees."),
        }.items()
        for text in texts for sex in ("female", "male") for seed in (1, 2)
    ]
    asked = [views[i * 7 % len(views)] for i in range(1_000)]
    async with espeak() as first, espeak(workers=3) as second:
        said = await asyncio.gather(*((first, second)[i % 2].speak(asked[i]) for i in range(1_000)))
    by_key: dict[str, set[bytes]] = {}
    for wanted, spoken in zip(asked, said, strict=True):
        by_key.setdefault(first.key(wanted), set()).add(spoken.sound.samples.tobytes())
    assert len(by_key) == len(views)
    assert {len(sounds) for sounds in by_key.values()} == {1}
    assert len({sound for sounds in by_key.values() for sound in sounds}) == len(views)


async def test_what_was_said_before_and_when_changes_nothing():
    async with espeak(workers=1, voice="+f5") as voice:
        alone = await voice.speak(view(SAID["zh"], "zh"))
        for text in ("Something else, in English!", "另外一句话。", "Why?"):
            await voice.speak(view(text, "en", sex="male", seed=9))
        again = await voice.speak(view(SAID["zh"], "zh"))
    await asyncio.sleep(1.05)  # the library seeds the noise of breath with the second at which it starts
    async with espeak(workers=1, voice="+f5") as voice:
        await voice.speak(view("Hm.", "en"))
        elsewhere = await voice.speak(view(SAID["zh"], "zh"))
    assert same(alone.sound, again.sound) and same(alone.sound, elsewhere.sound)


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_long_text_is_said_whole(language):
    gap = "" if language == "zh" else " "
    sentence = SAID[language] + gap
    times = 3_000 // len(sentence)
    async with espeak(workers=2) as voice:
        once, shorter, whole = await asyncio.gather(
            *(voice.speak(view(sentence * n, language)) for n in (1, times - 1, times))
        )
    assert whole.segments > 10
    assert re.sub(r"\s", "", whole.read) == re.sub(r"\s", "", once.read) * times
    assert 0.95 * times < whole.sound.seconds / once.sound.seconds < 1.25 * times
    assert 0.8 < (whole.sound.seconds - shorter.sound.seconds) / once.sound.seconds < 1.4
    loud = np.abs(whole.sound.samples[: len(whole.sound.samples) // times * times].reshape(times, -1)).max(axis=1)
    assert loud.min() > 0.05


@pytest.mark.parametrize("text", ["", "...", "……", "😀😢", "\u200b\n\t", "?!"])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_nothing_to_pronounce_is_a_short_silence(text, language):
    async with espeak(workers=1) as voice:
        spoken = await voice.speak(view(text, language))
    assert spoken.segments == 0 and spoken.read == "" and not spoken.sound.samples.any()
    assert spoken.sound.seconds == pytest.approx(SILENCE_S, abs=1e-3)


@pytest.mark.parametrize("broken", ["\0", "\x01", "\x0199P", "\ud800", "\x1b[31m", "\ue000", "\u202e", "\r\n"])
async def test_control_characters_and_broken_ones_are_no_commands(broken):
    async with espeak(workers=1) as voice:
        said = await voice.speak(view(f"My head hurts {broken} very much"))
        plain = await voice.speak(view(f"My head hurts {broken.lstrip(OUT_OF_PLACE)} very much"))
        without = await voice.speak(view("My head hurts very much"))
    assert said.read == plain.read and same(said.sound, plain.sound)
    assert np.isfinite(said.sound.samples).all() and said.sound.seconds >= 0.99 * without.sound.seconds


def test_espeaks_own_markup_is_text():
    marked = {
        "<speak>hello <break time='5s'/> hello</speak>": 6.0, "hello \x0120S hello": 20.0,
        "<audio src='/etc/passwd'>no</audio>": 30.0, "[[_::_::_::_::_::_::_::_::_::_::_::_::]] hello": 12.0,
    }
    pool = EspeakPool(1, 10)
    try:
        def seconds(text: str) -> float:
            asked = Utterance("en-us", 50, 50, 100, 175, (text,))
            return len(pool.submit(lambda say: say(asked)).result()) / 44_100

        assert seconds("[[h@l'oU]]") > 1.5 * seconds("hello")
        for text, executed_s in marked.items():
            assert 0.5 < seconds(text) < executed_s
        assert seconds("<break time='5s'/>") < 3.0
    finally:
        pool.close()


async def test_a_text_that_is_too_long_is_refused_before_anything_is_done():
    async with espeak(workers=1) as voice:
        with pytest.raises(AgentFailure, match="100000 characters, at most 20000") as caught:
            await voice.speak(view("a" * 100_000))
        assert (caught.value.owner, caught.value.kind, caught.value.retryable) == ("voice", "too_long", False)
        assert voice.worker_pids() == []


async def test_options_override_the_cast():
    async with espeak(workers=1) as cast, espeak(workers=1, voice="+m3", pitch=20, speed=1.5) as forced:
        usual, changed = await cast.speak(view(SAID["en"])), await forced.speak(view(SAID["en"]))
        assert forced.casting(card("en")).voice.endswith("+m3") and forced.casting(card("en")).pitch == 20
        assert forced.key(view("a")) != cast.key(view("a"))
        assert changed.sound.seconds < 0.8 * usual.sound.seconds


async def test_a_language_that_espeak_lacks_is_a_failure_that_stays():
    async with espeak(workers=1, voice="xx-none") as voice:
        with pytest.raises(AgentFailure, match="no voice xx-none") as caught:
            await voice.speak(view("hello"))
        assert (caught.value.kind, caught.value.retryable) == ("refused", False)
        assert same((await voice.speak(view("..."))).sound, (await voice.speak(view("?"))).sound)


def test_a_mistyped_variant_is_named_with_the_choices():
    with pytest.raises(UnknownName, match=r"unknown espeak variant 'm33'\. Did you mean 'm3'"):
        EspeakVoice(EspeakOptions(voice="en-us+m33"))


@pytest.mark.parametrize("voice", ["../../etc/passwd", "en us", "+", "en\0", "en+f1+f2"])
def test_a_voice_is_a_name_and_no_path(voice):
    with pytest.raises(InputError, match="option 'voice': String should match pattern"):
        create("voice", BackendRef.model_validate({"backend": "espeak", "voice": voice}))


def test_a_missing_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "espeakng_loader", None)
    with pytest.raises(MissingExtra, match=r"pip install 'clinic-simulator\[voice\]'"):
        EspeakVoice()


def test_the_catalogue_makes_it_and_speed_is_no_part_of_its_identity():
    quick = BackendRef.model_validate({"backend": "espeak", "workers": 7, "waiting": 5, "timeout_s": 3, "speed": 1.1})
    assert isinstance(create("voice", quick), EspeakVoice)
    assert identity("voice", quick) == {"backend": "espeak", "speed": 1.1}


def test_the_key_tells_voices_texts_and_languages_apart():
    voice = EspeakVoice()
    who = card("zh")
    other = SpeakerCard("case-2", "zh", "female", 40.0, None, 2)
    views = [VoiceView("a", who), VoiceView("b", who), VoiceView("a", other), VoiceView("a", card("en"))]
    assert len({voice.key(v) for v in views}) == 4
    assert voice.key(views[0]) == EspeakVoice().key(VoiceView("a", card("zh")))
    assert voice.key(VoiceView("\ud800", who))
