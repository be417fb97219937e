"""The readable terminal, in a real pseudo-terminal and drawn to memory: chat, keys, streaming, what stays hidden."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.cells import cell_len
from rich.console import Console

from scenarios.errors import InputError
from scenarios.loader import library_cases
from scenarios.schema import BackendRef, Case
from simulator.session import Casting, Session, open_book
from simulator.terminal.completion import Completion
from simulator.terminal.desk import Desk
from simulator.terminal.grammar import Asked, read
from simulator.terminal.harmless import harmless, in_one_line
from simulator.terminal.keyboard import step_at_keyboard, toolbar
from simulator.terminal.plain import PlainView
from simulator.terminal.screen import Screen
from simulator.terminal.wrapping import wrapped
from tests.end_to_end.conftest import COMMAND, ROOT
from tests.fault_server import Answer, FaultServer

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\x1b[=>]|\r")
EVIL = "\x1b[2Jgone\x1b]8;;http://evil\x07click\x1b]8;;\x07 \x9b31m[red]\u202eabc"
SPOKEN = " ".join(f"word{number}" for number in range(40))


class Terminal:
    """A command in a pseudo-terminal of 100 x 40; it answers where the cursor is, as terminals do."""

    def __init__(self, *words: str | Path) -> None:
        self.screen, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, words)], cwd=ROOT, stdin=inside, stdout=inside, stderr=inside, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"},
        )
        os.close(inside)
        self.raw, self.seen = b"", 0

    def type(self, text: str) -> None:
        self.seen = len(self.raw)
        os.write(self.screen, text.encode())

    def until(self, *words: str, within_s: float = 60.0) -> str:
        """Read until ``words`` came one after the other since the last typing; returns all, less colours and moves."""
        wanted = re.compile(".*".join(map(re.escape, words)), re.S)
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            shown = CONTROL.sub("", self.raw[self.seen:].decode("utf-8", "replace"))
            if wanted.search(shown):
                return shown
            if select.select([self.screen], [], [], 0.05)[0]:
                try:
                    piece = os.read(self.screen, 65_536)
                except OSError:
                    piece = b""
                self.raw += piece
                for _ in range(piece.count(b"\x1b[6n")):
                    os.write(self.screen, b"\x1b[1;1R")
        raise AssertionError(f"not shown: {words}\n{shown}")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.screen)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    with FaultServer(models=("good",), latency_s=24.0) as server:
        server.script.extend([Answer(text=SPOKEN)] * 3)
        path = tmp_path / "batch.yaml"
        path.write_text(yaml.safe_dump({
            "name": "seen", "cases": [{"library": "en", "limit": 1}],
            "doctors": {"slow": {"backend": "chat", "model": "good", "base_url": server.url}},
            "patient": {"backend": "scripted-patient", "lines": [EVIL, "It hurts."]},
        }), "utf-8")
        started = Terminal("step", path, "--sessions", tmp_path / "sessions.sqlite")
        try:
            yield started
        finally:
            started.close()


def test_a_person_steps_watches_words_come_breaks_off_completes_and_leaves(terminal: Terminal) -> None:
    terminal.until("slow (chat)", "main 0 ›", "Enter next")
    terminal.type("\r")
    terminal.until(r"\x1b[2Jgone\x1b]8;;http://evil\x07click", "main 1 ›", "the doctor is next")
    for harm in (b"\x1b[2Jgone", b"\x1b]8", b"\xc2\x9b", "\u202e".encode()):
        assert harm not in terminal.raw
    terminal.type("\r")
    heard = terminal.until("the doctor, slow (chat), is speaking", "word0 word1", within_s=20)
    assert "word39" not in heard, "words are shown while the others are not there yet"
    terminal.type("\x03")
    terminal.until("broken off; every finished turn is kept", "main 1 ›")
    terminal.type("cast doctor one-s\t")
    terminal.until("hot")  # what Tab adds
    terminal.type("\r")
    terminal.until("one-shot is the doctor from here on", "main 1 ›")
    terminal.type("\r")
    terminal.until("doctor (one-shot)", "main 2 ›", "the patient is next")
    terminal.type("rewind 7\r")
    terminal.until("there is no turn 7: 2 turns were spoken", "main 2 ›")
    terminal.type("\x04")
    terminal.until("Go on with:", "clinic step --session", "--sessions")
    assert terminal.process.wait(20) == 0


async def desk_for(
    session: Session, *, width: int = 80, branch: str = "main"
) -> tuple[Desk, Screen, io.StringIO]:
    out = io.StringIO()
    screen = Screen(Console(file=out, width=width, height=40, force_terminal=True, color_system="standard"))
    return await Desk.sit_down(session, screen, branch), screen, out


def cast(doctor: str = "history-taker", patient: str = "agenda") -> Casting:
    return Casting.model_validate(
        {"doctor": {"backend": doctor}, "doctor_name": doctor, "patient": {"backend": patient}, "seed": 3})


@pytest.fixture(params=["zh", "en"])
def case(request: pytest.FixtureRequest) -> Case:
    return library_cases(request.param, limit=1)[0]


def drawn(out: io.StringIO) -> list[str]:
    return CONTROL.sub("", out.getvalue()).split("\n")


@pytest.mark.parametrize("width", [50, 80, 120])
async def test_the_chat_holds_every_word_and_fits(tmp_path: Path, case: Case, width: int) -> None:
    async with open_book(str(tmp_path / "s.sqlite")) as book:
        session = await book.create(case, cast())
        await session.run()
        desk, screen, out = await desk_for(session, width=width)
        screen.header(desk.here, "here")
        screen.whole(desk.here)
        await desk.do("judge")
        await desk.do("branches")
        await desk.do("help")
    lines = drawn(out)
    assert max(cell_len(line.rstrip()) for line in lines) <= width
    letters = re.sub(r"[\s▌┊]", "", "".join(lines))
    for turn in desk.here.snapshot.turns:
        assert re.sub(r"\s", "", turn.text) in letters
    assert case.diagnosis and case.diagnosis.name.replace(" ", "") in letters
    assert "coverage" in letters and "←here" in letters


async def test_a_doctor_who_is_a_person_sees_the_intake_card_alone(tmp_path: Path, case: Case) -> None:
    async with open_book(str(tmp_path / "s.sqlite")) as book:
        session = await book.create(case, cast("human"), doctors={"careful": BackendRef(backend="history-taker")})
        desk, screen, out = await desk_for(session)
        screen.header(desk.here, "here")
        before = out.getvalue()
        await desk.do("")
        await desk.do("你好，我想问一下，什么时候开始的？" if case.language == "zh" else "Hello, when did it start?")
        await desk.do("next")
        await desk.do("judge")
        offered = {one.text for one in Completion(desk).get_completions(Document("exam "), CompleteEvent())}
        assert offered == set(), "what only the record names is not offered"
        await desk.do(f"exam {case.findings[0].name}; x-ray of the hand")
        offered = {one.text for one in Completion(desk).get_completions(Document("exam "), CompleteEvent())}
        assert offered == {case.findings[0].name, "x-ray of the hand"}
        told = {item for turn in desk.here.snapshot.turns for item in turn.disclosed}
    assert case.diagnosis and told
    shown = "".join(drawn(out))
    for hidden in (case.diagnosis.name, case.title, f"reveals {next(iter(told))}", "missed critical"):
        assert hidden not in shown
    assert case.chief_complaint not in before and case.id not in before
    assert str(int(case.demographics.age_years or 0)) in before


async def test_keys_reach_the_desk_and_people_speak_in_plain_words(tmp_path: Path) -> None:
    case = library_cases("en", limit=1)[0]
    async with open_book(str(tmp_path / "s.sqlite")) as book:
        session = await book.create(case, cast("human", "human"))
        desk, screen, out = await desk_for(session)
        with create_pipe_input() as keys:
            keys.send_text("My head hurts.\rShow me where it hurts, please.\r/rewind 1\rSince when?\r\x04")
            await step_at_keyboard(desk, screen, input=keys, output=DummyOutput())
        snapshot = await session.snapshot()
    assert [(turn.role, turn.text) for turn in snapshot.turns] == [
        ("patient", "My head hurts."), ("doctor", "Since when?")]
    assert "Show me where it hurts, please." in "".join(drawn(out))


async def test_completion_offers_what_may_follow(tmp_path: Path) -> None:
    case = library_cases("en", limit=1)[0]
    async with open_book(str(tmp_path / "s.sqlite")) as book:
        session = await book.create(case, cast(), doctors={"careful": BackendRef(backend="history-taker")})
        await session.next()
        await session.next()
        await session.fork("main", 1, name="other")
        desk, _, _ = await desk_for(session)

    def offered(line: str) -> list[str]:
        return [one.text for one in Completion(desk).get_completions(Document(line), CompleteEvent())]

    assert offered("re") == ["rewind"] and offered("/re") == ["rewind"] and offered("do") == ["doctor:"]
    assert offered("rewind ") == ["1", "2"] and offered("branch o") == ["other"]
    assert offered("fork --doctor ca") == ["careful"] and "human" in offered("cast doctor ")
    assert offered("fork 1 --persona recall=") == ["recall=low", "recall=normal"]
    assert offered("export x --format s") == ["sharegpt"] and offered("judge ") == []
    assert "--name" in offered("fork 1 --doctor careful --") and offered("nonsense ") == []


@pytest.mark.parametrize(("line", "asked"), [
    ("", Asked("next")), ("n", Asked("next")), ("?", Asked("help")), ("w 3", Asked("rewind", 3)),
    ("doctor：你好", Asked("say", text="你好", flags={"role": ("doctor",)})),
    ("e 2 new words", Asked("edit", 2, "new words")), ("cast doctor human", Asked("cast", text="doctor human")),
    ("fork 2 --doctor=a --persona x=y --persona z=w", Asked(
        "fork", 2, flags={"doctor": ("a",), "persona": ("x=y", "z=w")})),
])
def test_a_line_is_read_the_same_whoever_speaks(line: str, asked: Asked) -> None:
    assert read(line, speaks=False) == read(line, speaks=True) == asked


@pytest.mark.parametrize("line", [
    "Show me your arm", "run a fever?", "next to the elbow it hurts", "fork lifts hurt my back", "您哪里不舒服？", "no",
    "rewind the tape for me", "It hurts -- badly", "yes",
])
def test_when_a_person_is_to_speak_other_lines_are_words(line: str) -> None:
    assert read(line, speaks=True) == Asked("say", text=line)
    with pytest.raises(InputError):
        read(line, speaks=False)


@pytest.mark.parametrize("line", ["rewnd 2", "brances", "rewind x", "/hello there you", "fork --docter x", "edit"])
def test_a_slip_of_the_keyboard_is_not_put_into_anybodys_mouth(line: str) -> None:
    with pytest.raises(InputError):
        read(line, speaks=True)


@given(st.text(), st.integers(2, 60))
def test_wrapping_loses_nothing_and_fits(text: str, width: int) -> None:
    clean = harmless(text)
    lines = wrapped(clean, width).split("\n")
    assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", clean)
    assert all(cell_len(line) <= width for line in lines)


def test_chinese_lines_do_not_begin_with_punctuation() -> None:
    text = "大夫，我胸口压得难受，一身一身地出冷汗。摊子没人看，我想打一针就赶紧回去。" * 5
    for width in range(8, 60):
        assert not any(line[0] in "，。" for line in wrapped(text, width).split("\n"))


@given(st.text(alphabet=st.characters(), max_size=40))
def test_nothing_that_steers_a_terminal_passes(text: str) -> None:
    assert "\n" not in in_one_line(text)
    in_one_line(text).encode("utf-8")
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or char in "\u202e\u2066" for char in in_one_line(text))


async def test_the_toolbar_says_where_one_is(tmp_path: Path) -> None:
    case = library_cases("zh", limit=1)[0]
    async with open_book(str(tmp_path / "s.sqlite")) as book:
        session = await book.create(case, cast())
        desk = await Desk.sit_down(session, PlainView(), "main")
        assert "main · nothing said yet · the patient is next" in "".join(text for _, text, *_ in toolbar(desk))
