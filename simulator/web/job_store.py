"""What is kept of batches started from the browser, under ``RUNS/.batches/``; it starts nothing.

Each has a folder with a name that the server made up (never one from a request): ``batch.yaml`` as it was pasted,
``job.json`` (which run it belongs to and how it ended) and ``log.txt`` (what the run printed).
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog
from pydantic import Field, ValidationError

from scenarios.errors import RunFolderError
from scenarios.files import replace_whole
from scenarios.schema.base import Frozen, Slug

log = structlog.get_logger(__name__)

FOLDER, BATCH, JOB, LOG = ".batches", "batch.yaml", "job.json", "log.txt"
LOG_BYTES = 16 * 1024
_OWN = re.compile(r"[0-9a-f]{16}")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Overrides(Frozen):
    """What a person changes of a batch for one run; None leaves it as the batch says."""

    trials: int | None = Field(default=None, ge=1, le=1000)
    limit: int | None = Field(default=None, ge=1, le=1_000_000)
    seed: int | None = Field(default=None, ge=0, lt=2**63)

    def flags(self) -> list[str]:
        """Return the flags of ``clinic run`` that say the same."""
        return [part for name, value in self if value is not None for part in (f"--{name}", str(value))]


class Kept(Frozen):
    """The content of ``job.json``.

    ``file`` is the batch file that it was started from, '' when the text was pasted; ``ended`` is '' as long as no
    server saw it end; ``finished`` counts consultations, None while that is not known without reading the run.
    """

    run: Slug
    description: str = ""
    file: str = ""
    overrides: Overrides = Overrides()
    planned: int = Field(ge=0)
    created_at: str
    pid: int = 0
    ended: Literal["", "finished", "stopped", "failed"] = ""
    finished: int | None = None


@dataclass(frozen=True)
class Entry:
    """One job's folder with what it says."""

    folder: Path
    kept: Kept

    @property
    def batch(self) -> Path:
        """The file that the run reads."""
        return Path(self.kept.file) if self.kept.file else self.folder / BATCH

    @property
    def log(self) -> Path:
        """What the run prints to."""
        return self.folder / LOG

    def text(self) -> str:
        """Return the pasted text, '' when it is gone or no text."""
        try:
            return (self.folder / BATCH).read_text("utf-8")
        except (OSError, ValueError):
            return ""

    def log_tail(self) -> str:
        """Return the last printed text, at most ``LOG_BYTES`` and whole lines, without colours and places on disk."""
        try:
            with self.log.open("rb") as file:
                start = max(0, file.seek(0, 2) - LOG_BYTES)
                file.seek(start)
                raw = file.read(LOG_BYTES)
        except OSError:
            return ""
        text = _ESCAPES.sub("", raw.decode("utf-8", "replace"))
        text = text.partition("\n")[2] if start else text
        return text.replace(f"{self.folder}/", "").replace(f"{self.folder.parents[1]}/", "")


class JobStore:
    """The folders of all jobs below one folder of runs."""

    def __init__(self, runs: Path) -> None:
        """Only remember where; nothing is read or made yet."""
        self.runs = runs
        self.root = runs / FOLDER

    def entries(self) -> list[Entry]:
        """Return every job that can be read, newest first."""
        if not self.root.is_dir():
            return []
        found = [entry for folder in self.root.iterdir() if _OWN.fullmatch(folder.name) if (entry := _read(folder))]
        return sorted(found, key=lambda entry: (entry.kept.created_at, entry.folder.name), reverse=True)

    def add(self, kept: Kept, text: str) -> Entry:
        """Keep a new job, with its batch's text when it has no file; raises RunFolderError."""
        folder = self.root / secrets.token_hex(8)
        try:
            folder.mkdir(parents=True)
            if not kept.file:
                replace_whole(folder / BATCH, [text])
        except OSError as error:
            raise RunFolderError(f"cannot write below {self.runs}: {error.strerror}") from error
        return self.write(Entry(folder, kept))

    def write(self, entry: Entry) -> Entry:
        """Write ``job.json`` anew; raises RunFolderError."""
        try:
            replace_whole(entry.folder / JOB, [entry.kept.model_dump_json(indent=1)])
        except OSError as error:
            raise RunFolderError(f"cannot write {entry.folder / JOB}: {error.strerror}") from error
        return entry


def _read(folder: Path) -> Entry | None:
    try:
        return Entry(folder, Kept.model_validate_json((folder / JOB).read_bytes()))
    except (OSError, ValidationError) as error:
        log.warning("a job cannot be read", folder=str(folder), error=str(error).partition("\n")[0])
        return None
