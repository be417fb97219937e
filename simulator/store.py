"""The run folder: what a run writes and how it is read back; it knows the files, not what is computed from them.

``run.json`` (what was asked), ``cases.jsonl`` (the patients), ``turns.jsonl`` (journal of every finished turn),
``consultations.jsonl`` (one line when a consultation ends), then ``summary.json`` and ``report.html``.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scenarios.errors import RunFolderError
from scenarios.files import replace_whole
from scenarios.schema import Case, Consultation, Key, KeyId, Turn
from simulator.journal import Journal, read_lines

RUN, CASES, TURNS, CONSULTATIONS = "run.json", "cases.jsonl", "turns.jsonl", "consultations.jsonl"
SUMMARY, REPORT = "summary.json", "report.html"
TIMINGS = frozenset({"latency", "speech_timing"})
"""Keys of a turn that no two runs share."""


class RunWriter:
    """The one writer of a run folder; a second one is refused while the first lives."""

    def __init__(self, folder: Path, identity: dict[str, Any], info: dict[str, Any], *, resume: bool) -> None:
        """Create the folder or, with ``resume``, go on in it.

        Raises:
            RunFolderError: the folder holds a run already (without ``resume``), holds another configuration
                (with ``resume``), is being written by someone else, or cannot be written.
        """
        self.folder = folder
        exists = (folder / RUN).exists()
        if exists and not resume:
            raise RunFolderError(f"{folder} holds a run already. Add --resume to go on, or choose another --out.")
        if folder.is_dir() and not exists and any(entry.name != ".lock" for entry in folder.iterdir()):
            raise RunFolderError(f"{folder} is not empty and holds no run. Choose another --out.")
        if exists:
            compare_identity(folder, identity)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = lock_folder(folder)
            if not exists:
                write_whole(folder / RUN, json.dumps({**info, "identity": identity}, ensure_ascii=False, indent=2))
        except OSError as error:
            raise RunFolderError(f"cannot write the run folder {folder}: {error.strerror}") from error
        self._turns = Journal(folder / TURNS)
        self._consultations = Journal(folder / CONSULTATIONS)

    def write_cases(self, cases: tuple[Case, ...]) -> None:
        """Keep the patients beside the run, so that it can be read and judged again by itself."""
        write_whole(self.folder / CASES, "".join(case.model_dump_json() + "\n" for case in cases))

    def turn_writer(self, key: Key) -> Callable[[Turn], None]:
        """Return what journals the turns of one consultation."""
        head = f'{{"key":{key.model_dump_json()},"turn":'
        return lambda turn: self._turns.append(f"{head}{turn.model_dump_json()}}}")

    def consultation(self, done: Consultation) -> None:
        """Write the line that makes a consultation finished."""
        self._consultations.append(done.model_dump_json())

    def finished(self) -> set[KeyId]:
        """Return the consultations that are done."""
        return {key_id(line["key"]) for line in read_lines(self.folder / CONSULTATIONS)}

    def unfinished(self, finished: set[KeyId]) -> dict[KeyId, tuple[Turn, ...]]:
        """Return the turns that interrupted consultations had reached, in order and without gaps."""
        open_turns: dict[KeyId, list[Turn]] = {}
        for line in read_lines(self.folder / TURNS):
            name = key_id(line["key"])
            if name in finished:
                continue
            turn = Turn.model_validate(line["turn"])
            said = open_turns.setdefault(name, [])
            if turn.index == len(said):
                said.append(turn)
        return {name: tuple(said) for name, said in open_turns.items()}

    def close(self) -> None:
        """Flush and close everything and let go of the folder."""
        self._turns.close()
        self._consultations.close()
        os.close(self._lock)


def key_id(key: dict[str, Any]) -> KeyId:
    """Return the unique part of a stored key."""
    return KeyId(key["case"], key["doctor"], int(key["trial"]))


def read_run(folder: Path) -> dict[str, Any]:
    """Return ``run.json``; raises RunFolderError when ``folder`` is no run folder."""
    path = folder / RUN
    try:
        data = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise RunFolderError(f"{folder} is not a run folder: it has no {RUN}") from error
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path} cannot be read: {error}") from error
    if not isinstance(data, dict) or "identity" not in data:
        raise RunFolderError(f"{path} is not the description of a run")
    return data


def read_cases(folder: Path) -> dict[str, Case]:
    """Return the run's patients by id."""
    return {case.id: case for case in (Case.model_validate(line) for line in read_lines(folder / CASES))}


def read_consultations(folder: Path) -> Iterator[Consultation]:
    """Yield finished consultations in the order in which they ended, one at a time (constant memory)."""
    for number, line in enumerate(read_lines(folder / CONSULTATIONS), 1):
        try:
            yield Consultation.model_validate(line)
        except ValidationError as error:
            raise RunFolderError(f"{folder / CONSULTATIONS}:{number}: is not a consultation: {error}") from error


def without_timings(line: dict[str, Any]) -> dict[str, Any]:
    """Return a stored consultation without what no two runs share (timings), to compare runs byte by byte."""
    turns = [{k: v for k, v in turn.items() if k not in TIMINGS} for turn in line["turns"]]
    return {**{k: v for k, v in line.items() if k != "timing"}, "turns": turns}


def compare_identity(folder: Path, identity: dict[str, Any]) -> None:
    """Raise RunFolderError naming what differs when ``folder`` holds a run of another configuration."""
    stored = read_run(folder)["identity"]
    differing = sorted(differences(stored, json.loads(json.dumps(identity)), ""))
    if differing:
        shown = ", ".join(differing[:5]) + (" ..." if len(differing) > 5 else "")
        raise RunFolderError(
            f"{folder} holds a run of another configuration; different: {shown}. "
            f"Choose another --out, or restore the batch as it was."
        )


def write_whole(path: Path, text: str) -> None:
    """Write ``path`` so that a kill leaves the old or the new content, never half of it; raises RunFolderError."""
    write_parts(path, [text])


def write_parts(path: Path, parts: Iterable[str]) -> None:
    """Write ``path`` as ``write_whole`` does, from pieces that come one after the other."""
    try:
        replace_whole(path, parts)
    except OSError as error:
        raise RunFolderError(f"cannot write {path}: {error.strerror}") from error


def differences(a: Any, b: Any, path: str) -> Iterator[str]:
    """Yield the dotted paths, below ``path``, at which two JSON values differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in a.keys() | b.keys():
            yield from differences(a.get(key), b.get(key), f"{path}.{key}" if path else key)
    elif a != b:
        yield path


def lock_folder(folder: Path) -> int:
    """Return the open lock of a folder that nobody else is writing; raises RunFolderError when somebody is."""
    handle = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise RunFolderError(f"{folder} is being written by another process") from error
    return handle
