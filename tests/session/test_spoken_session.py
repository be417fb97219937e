"""Sessions in which people are heard: stepped by a script, killed between words and sound, gone on from a run."""

from __future__ import annotations

import asyncio
import io
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from agents.sound.shelf import SoundShelf
from agents.sound.wave import read_sound, wav_bytes
from scenarios.errors import InputError
from scenarios.loader import library_cases
from scenarios.schema import AudioRef, BackendRef, Channel, Turn
from scenarios.yaml_file import read_yaml
from simulator.session import Casting, Heard, Session, open_book
from simulator.session.sounds import with_sounds
from simulator.terminal.desk import Desk
from simulator.terminal.screen import Screen
from tests.end_to_end.conftest import ROOT
from tests.session.test_step_plain import said, step, write_batch
from tests.sounds import tone

VOICES = ROOT / "scenarios" / "batches" / "voice.yaml"
SPOKEN = {
    "input_speech": True, "output_speech": True, "voice": {"backend": "espeak"}, "doctor_voice": {"backend": "espeak"},
    "listener": {"backend": "transcript", "cer": 0.3},
}
KILLED = """
import asyncio, os, signal, sys
from agents.voices.synthesis import Studio
from simulator.session import open_book

async def main(place, session):
    async with open_book(place) as book:
        async def say(*what):
            os.kill(os.getpid(), signal.SIGKILL)
        Studio.say = say
        await (await book.open(session)).next()

asyncio.run(main(*sys.argv[1:]))
"""


def casting(doctor: str = "history-taker", **speech: object) -> Casting:
    return Casting.model_validate({
        "doctor": BackendRef(backend=doctor), "doctor_name": doctor, "seed": 3, "speech": {**SPOKEN, **speech}})


def wholly(turns: tuple[Turn, ...], session: Session) -> bool:
    spoken = [turn for turn in turns if turn.role != "examiner"]
    return all(turn.audio and session.shelf.has(turn.audio) and turn.heard is not None for turn in spoken)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_spoken_batch_is_stepped_rewound_and_forked(tmp_path: Path, language: str) -> None:
    ids: list[str] = read_yaml(VOICES).data["cases"][0]["ids"]
    case = next(one for one in ids if one.startswith(language))
    lines = step(
        tmp_path, "next\nnext\nnext\nrewind 1\nnext\nfork 1 --name other --doctor checklist\nnext\nshow\nhelp\n",
        VOICES, "--case", case)
    main, other = said(lines), said(lines, "other")
    assert main[1] == main[3], "said again after going back"
    assert other[1] == main[0] and other[0][2] != main[1][2]
    seconds = re.compile(r"\* turn (\d+): \d+\.\d s of sound(; interrupted after \d\.\d s)?(; heard: “[^\n]{1,120}”)?")
    about = [line for line in lines if line.startswith("* turn ")]
    assert len(about) == len(main) + len(other) and all(seconds.fullmatch(line) for line in about)
    assert any("heard: “" in line for line in about), "something was misheard"
    folder = tmp_path / "sessions.sqlite.sounds"
    assert lines.count(f"* sounds lie in {folder}") == 1
    files = [found[1] for line in lines if (found := re.fullmatch(r"\* sound of turn \d: (audio/\S+\.wav)", line))]
    assert len(files) == 2 and all(read_sound(folder / file).seconds > 0.5 for file in files)
    assert any(line.startswith(f"* Sounds lie in {folder}") for line in lines)


def test_a_written_batch_says_nothing_of_sound(tmp_path: Path) -> None:
    lines = step(tmp_path, "run\nshow\nhelp\n", write_batch(tmp_path))
    assert not [line for line in lines if "sound" in line.lower() or line.startswith("* turn ")]


def test_a_person_who_plays_the_doctor_reads_what_was_heard(tmp_path: Path) -> None:
    spoken = {key: value for key, value in SPOKEN.items() if key != "output_speech"}
    batch = write_batch(tmp_path, **spoken, patient={
        "backend": "scripted-patient", "lines": ["The pain is unbearable at night.", "It began in the morning."]})
    lines = step(tmp_path, "next\nshow\nsay Since when?\nnext\nsay Rest.\nshow\n", batch, "--doctor", "human")
    until, _, after = "\n".join(lines).partition("[main 4 doctor]")
    assert until.count("[main 1 patient]") == 2 and "unbearable at night" not in until and "heard: " not in until
    assert "s of sound" in until
    assert "[main 1 patient] The pain is unbearable at night." in after, "when it is over, the truth"
    assert "heard: “" in after


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Return sessions whose process was killed with the third turn said and not yet aloud, and all texts."""
    folder = tmp_path_factory.mktemp("killed")
    place = str(folder / "sessions.sqlite")

    async def begun() -> tuple[str, list[str]]:
        async with open_book(place) as book:
            session = await book.create(library_cases("zh", limit=1)[0], casting())
            undisturbed = (await session.run()).turns
            await session.rewind("main", 2)
            return session.id, [turn.text for turn in undisturbed]

    name, texts = asyncio.run(begun())
    done = subprocess.run([sys.executable, "-c", KILLED, place, name], cwd=ROOT, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    return folder, texts


@pytest.mark.parametrize("then", ["next", "say", "fork", "run"])
async def test_a_kill_between_words_and_their_sound_is_mended(
    tmp_path: Path, killed: tuple[Path, list[str]], then: str
) -> None:
    undisturbed = killed[1]
    async with open_book(str(shutil.copytree(killed[0], tmp_path / "copy") / "sessions.sqlite")) as book:
        session = await book.open((await book.list())[0].id)
        stored = await book._rooms.bare.aget_state({"configurable": {"thread_id": f"{session.id}:main"}})
        assert stored.values["draft"].role == "patient", "the kill fell between the words and their sound"
        before = await session.snapshot()
        assert before.waiting == "patient" and len(before.turns) == 2
        if then == "say":
            after = await session.say("main", "patient", "昨天开始的。", expected=before.revision)
            assert after.turns[2].text == "昨天开始的。" and len(after.turns) == 3
        elif then == "fork":
            after = await session.next((await session.fork()).id)
        else:
            after = await getattr(session, then)(expected=before.revision)
        assert wholly(after.turns, session)
    texts = [turn.text for turn in after.turns]
    assert then == "say" or texts == undisturbed[:len(texts)]
    assert len(texts) == (len(undisturbed) if then == "run" else 3)


async def test_a_kill_before_the_checkpoint_of_a_spoken_turn_is_mended(tmp_path: Path) -> None:
    place, case = str(tmp_path / "sessions.sqlite"), library_cases("en", limit=1)[0]
    async with open_book(place) as book:
        session = await book.create(case, casting())
        await session.next()

        async def killed(*words: object) -> object:
            raise OSError("the process ends here")

        book._keeping.saver.aput = killed  # type: ignore[method-assign,assignment]
        with pytest.raises(OSError, match="ends here"):
            await session.next()
    async with open_book(place) as book:
        session = await book.open(session.id)
        after = await session.run()
    assert [turn.index for turn in after.turns] == list(range(len(after.turns))) and after.ended
    assert all(turn.audio for turn in after.turns if turn.role != "examiner")


async def test_a_session_from_a_runs_turns_has_their_sounds(tmp_path: Path) -> None:
    case = library_cases("en", limit=1)[0]
    noisy = Channel.model_validate({"noise": {"kind": "pink", "snr_db": 10}})
    async with open_book(str(tmp_path / "one.sqlite")) as book:
        session = await book.create(case, casting(channel=noisy))
        await session.next()
        turns, root = (await session.next()).turns, session.shelf.root
    assert turns[0].heard_audio and turns[0].heard_audio != turns[0].audio
    async with open_book(str(tmp_path / "two.sqlite")) as book:
        session = await book.create(case, casting(), turns=turns, sounds=root)
        found = (await session.snapshot()).turns
        assert found == turns and session.shelf.root != root
        for ref in (found[0].audio, found[0].heard_audio, found[1].audio):
            assert ref and session.shelf.get(ref).seconds == pytest.approx(ref.seconds, abs=0.01)
        assert wholly((await session.next()).turns, session)


def test_what_a_run_says_of_its_files_is_not_trusted(tmp_path: Path) -> None:
    source, target = SoundShelf(tmp_path / "run"), SoundShelf(tmp_path / "session")
    good = source.put(tone(0.2))
    (tmp_path / "secret.wav").write_bytes(wav_bytes(tone(0.1)))
    named = AudioRef(path="audio/by-hand.wav", sample_rate_hz=16_000, seconds=0.3)
    (tmp_path / "run" / named.path).write_bytes(wav_bytes(tone(0.3)))
    (tmp_path / "run" / "audio" / "said.sqlite").write_bytes(b"no sound")
    strange = [named.model_copy(update={"path": path}) for path in (
        "../secret.wav", str(tmp_path / "secret.wav"), "audio/../../secret.wav", "audio/gone.wav", "audio/said.sqlite")]
    turns = [Turn(index=at, exchange=1, role="patient", text="a", audio=ref) for at, ref in enumerate(
        (good, named, *strange))]
    found = with_sounds(turns, source, target)
    assert found[0] == turns[0] and found[2:] == tuple(turns[2:])
    assert found[1].audio and target.get(found[1].audio).seconds == pytest.approx(0.3)
    files = {path.name for path in (tmp_path / "session").rglob("*") if path.is_file()}
    assert files == {Path(good.path).name, Path(found[1].audio.path).name}


async def test_a_spoken_session_needs_what_a_spoken_batch_needs(tmp_path: Path) -> None:
    async with open_book(str(tmp_path / "s.sqlite")) as book:
        with pytest.raises(InputError, match="output_speech"):
            await book.create(library_cases("en", limit=1)[0], casting(listener=None, input_speech=False))


async def test_the_screen_shows_seconds_and_what_was_heard(tmp_path: Path) -> None:
    drawn: dict[str, str] = {}
    async with open_book(str(tmp_path / "s.sqlite")) as book:
        for doctor in ("history-taker", "human"):
            session = await book.create(library_cases("en", limit=1)[0], casting().model_copy(update={
                "doctor": BackendRef(backend=doctor)}))
            out = io.StringIO()
            screen = Screen(Console(file=out, width=100))
            desk = await Desk.sit_down(session, screen, "main")
            await desk.do("next")
            screen.hear(desk.here, Heard("words", "patient", "a model's words"))
            assert screen._words == ("" if doctor == "human" else "a model's words")
            screen.silence()
            first = desk.here.snapshot.turns[0]
            drawn[doctor] = " ".join(out.getvalue().split())
    assert first.audio and f"{first.audio.seconds:.1f} s of sound" in drawn["human"]
    start, misheard = first.text[:20], str(first.heard)[:12]
    assert start in drawn["history-taker"] and f"heard: “{misheard}" in drawn["history-taker"]
    assert start not in drawn["human"] and "heard: “" not in drawn["human"]
    assert misheard in drawn["human"]
