"""The folder of a conversation: a line a turn as it ends, sounds beside them; read back after any kill."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from agents.sound.shelf import SoundShelf
from agents.sound.wave import Sound
from scenarios.errors import AgentFailure, RunFolderError
from scenarios.schema import AudioRef, Language, Usage
from scenarios.schema.base import Frozen
from simulator.journal import Journal, read_lines
from simulator.talking.partner import Finish, Said, Speaker

ABOUT, LINES = "talk.json", "talk.jsonl"
SECRET = frozenset({"api_key_env"})
"""Options that are not stored: a conversation that others gave away must not choose which key goes where."""
Way = Literal["typed", "file", "microphone", ""]


class About(Frozen):
    """What a conversation is: who the doctor is and how to find it again; no key and no secret.

    ``kind`` is where the doctor is: ``checkpoint`` (a folder or name), ``url`` (``where``, with ``model``), ``doctor``
    (a name of the catalogue).
    """

    kind: Literal["checkpoint", "url", "doctor"]
    where: str
    model: str = ""
    options: dict[str, Any] = {}
    language: Language = "en"
    system: str = ""
    speak: bool = True
    seed: int = 0
    began: str = ""


class Line(Frozen):
    """One line: a turn, or with ``withdrawn`` that turn ``number`` does not count. A number's last line is the turn.

    ``attempt`` counts the answers to the same words, from 0. ``first_words_s`` and ``first_sound_s`` are seconds from
    asking until the first piece, None where none came; ``heard_s``: seconds that were played before it was broken off.
    """

    number: int = Field(ge=1)
    role: Speaker
    text: str = ""
    audio: AudioRef | None = None
    way: Way = ""
    finish: Finish = "stop"
    attempt: int = Field(default=0, ge=0)
    usage: Usage | None = None
    first_words_s: float | None = None
    first_sound_s: float | None = None
    total_s: float | None = None
    heard_s: float | None = None
    at: str = ""
    withdrawn: bool = False


class Transcript:
    """The turns of one conversation, in memory and on disk; one process writes it."""

    def __init__(self, folder: Path, about: About, lines: Sequence[Line] = ()) -> None:
        """Hold ``folder``; see ``begin`` and ``resume``. Nothing is written before the first turn."""
        self.folder, self.about = folder, about
        self.shelf = SoundShelf(folder)
        self._turns = list(lines)
        self._sounds: dict[str, Sound] = {}
        self._journal: Journal | None = None

    @classmethod
    def begin(cls, folder: Path, about: About) -> Transcript:
        """Return an empty conversation. Raises RunFolderError when the folder holds one already or is a file."""
        if (folder / LINES).exists() or (folder / ABOUT).exists():
            raise RunFolderError(f"{folder} holds a conversation already: go on with --resume {folder}, or name "
                                 f"another folder")
        if folder.exists() and not folder.is_dir():
            raise RunFolderError(f"{folder} is a file: name a folder")
        return cls(folder, about.model_copy(update={"began": _now()}))

    @classmethod
    def resume(cls, folder: Path) -> Transcript:
        """Return a stored conversation; a line that a kill left unfinished does not count.

        Raises:
            RunFolderError: there is none, or it cannot be read; a sound of it is gone.
        """
        try:
            about = About.model_validate_json((folder / ABOUT).read_text("utf-8"))
        except OSError as error:
            raise RunFolderError(f"{folder} holds no conversation: {ABOUT} cannot be read, {error.strerror}") from error
        except ValueError as error:
            raise RunFolderError(f"{folder / ABOUT} is damaged: {_first(error)}") from error
        found = cls(folder, about, _current(folder / LINES))
        for line in found.turns:
            found._loaded(line)
        return found

    @property
    def turns(self) -> tuple[Line, ...]:
        """What was said and counts, in order."""
        return tuple(self._turns)

    def told(self, before: int) -> tuple[Said, ...]:
        """Return the turns before number ``before`` as a doctor is told them; its own are what it said in words."""
        return tuple(
            Said(line.role, line.text, self._loaded(line), line.audio)
            for line in self._turns
            if line.number < before and (line.text or (line.audio and line.role == "patient"))
        )

    @property
    def unanswered(self) -> bool:
        """Whether the last words are the patient's."""
        return bool(self._turns) and self._turns[-1].role == "patient"

    @property
    def next_number(self) -> int:
        """The number of the next turn."""
        return self._turns[-1].number + 1 if self._turns else 1

    def put(self, sound: Sound) -> tuple[Sound, AudioRef]:
        """Store a sound; returns it as it will be read back. Blocks. Raises RunFolderError."""
        self._open()
        ref = self.shelf.put(sound)
        self._sounds[ref.path] = kept = self.shelf.get(ref)
        return kept, ref

    def add(self, line: Line) -> Line:
        """Write a turn; it takes the place of one with its number. Raises RunFolderError."""
        line = line.model_copy(update={"at": _now()})
        self._write(line)
        self._turns = [one for one in self._turns if one.number < line.number] + [line]
        return line

    def withdraw(self, number: int) -> None:
        """Let turn ``number`` and all after it not count. Raises RunFolderError."""
        for line in [one for one in self._turns if one.number >= number]:
            self._write(line.model_copy(update={"withdrawn": True, "text": "", "audio": None, "at": _now()}))
        self._turns = [one for one in self._turns if one.number < number]

    def sound_of(self, line: Line) -> Sound | None:
        """Return a turn's sound."""
        return self._loaded(line)

    def close(self) -> None:
        """Flush to the disk."""
        if self._journal is not None:
            self._journal.close()
        self.shelf.close()

    def _loaded(self, line: Line) -> Sound | None:
        if line.audio is None:
            return None
        if line.audio.path not in self._sounds:
            try:
                self._sounds[line.audio.path] = self.shelf.get(line.audio)
            except AgentFailure as failure:
                raise RunFolderError(f"turn {line.number} of {self.folder} has lost its sound: {failure.message}. "
                                     f"Put the file back, or begin a new conversation") from failure
        return self._sounds[line.audio.path]

    def _write(self, line: Line) -> None:
        self._open().append(line.model_dump_json(exclude_defaults=True, exclude_none=True))

    def _described(self) -> str:
        kept = {key: value for key, value in self.about.options.items() if key not in SECRET}
        return self.about.model_copy(update={"options": kept}).model_dump_json(indent=2) + "\n"

    def _open(self) -> Journal:
        if self._journal is None:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                if not (self.folder / ABOUT).exists():
                    part = self.folder / f"{ABOUT}.part"
                    part.write_text(self._described(), "utf-8")
                    part.replace(self.folder / ABOUT)
            except OSError as error:
                raise RunFolderError(f"cannot write to {self.folder}: {error.strerror}") from error
            self._journal = Journal(self.folder / LINES)
        return self._journal


def _current(path: Path) -> list[Line]:
    turns: list[Line] = []
    for number, value in enumerate(read_lines(path), 1):
        try:
            line = Line.model_validate(value)
        except ValidationError as error:
            raise RunFolderError(f"{path}:{number} is no turn of a conversation: {_first(error)}") from error
        turns = [one for one in turns if one.number < line.number]
        turns += [] if line.withdrawn else [line]
    return turns


def _first(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    one = error.errors()[0]
    return f"{'.'.join(str(part) for part in one['loc']) or 'the whole'}: {one['msg']}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
