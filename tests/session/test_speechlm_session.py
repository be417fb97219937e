"""A stepped session whose doctor is a real tiny SpeechLM that hears and speaks: rewound, forked, resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from model.random_checkpoint import write_random
from scenarios.loader import library_cases
from scenarios.schema import BackendRef, Language, Turn
from simulator.session import Casting, open_book

SPEECH = {
    "input_speech": True, "output_speech": True, "voice": {"backend": "espeak"}, "listener": {"backend": "transcript"},
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random(tmp_path_factory.mktemp("speechlm") / "tiny")


def casting(checkpoint: Path) -> Casting:
    options: dict[str, Any] = {
        "backend": "speechlm", "checkpoint": str(checkpoint), "max_new_tokens": 8, "max_spoken_s": 0.8,
        "temperature": 1.0, "dtype": "float32", "device": "cpu",
    }
    return Casting.model_validate({
        "doctor": BackendRef.model_validate(options), "doctor_name": "speechlm", "seed": 3, "speech": SPEECH})


def texts(turns: tuple[Turn, ...]) -> list[str]:
    return [turn.text for turn in turns]


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_spoken_session_says_the_same_after_going_back_and_after_it_was_opened_again(
    checkpoint: Path, tmp_path: Path, language: Language
) -> None:
    case, place = library_cases(language, limit=1)[0], str(tmp_path / "sessions.sqlite")
    async with open_book(place) as book:
        session = await book.create(case, casting(checkpoint))
        for _ in range(4):
            shown = await session.next()
        doctor = [turn for turn in shown.turns if turn.role == "doctor"]
        assert [turn.role for turn in shown.turns] == ["patient", "doctor"] * 2
        assert all(turn.speech and turn.speech.voice == "doctor" and turn.audio for turn in doctor)
        assert [bool(turn.usage and turn.usage.cached) for turn in doctor] == [False, True]
        await session.rewind("main", 1)
        for _ in range(3):
            again = await session.next()
        assert texts(again.turns) == texts(shown.turns)
        assert [turn.audio for turn in again.turns] == [turn.audio for turn in shown.turns], "the same sound, too"
        forked = await session.fork("main", 1, seed=99)
        other = await session.next(forked.id)
        assert other.turns[0] == shown.turns[0] and other.turns[1].text != shown.turns[1].text
        name = session.id
    async with open_book(place) as book:
        session = await book.open(name)
        await session.rewind("main", 1)
        for _ in range(3):
            resumed = await session.next()
    assert texts(resumed.turns) == texts(shown.turns), "the weights loaded anew say the same"
