"""Where comparisons are kept: ``referee.json`` says who compared, ``pairings.jsonl`` what was found; one writer."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from scenarios.errors import RunFolderError
from scenarios.schema.pairing import Pairing
from simulator.journal import Journal, read_lines
from simulator.store import lock_folder, write_whole

REFEREE, PAIRINGS = "referee.json", "pairings.jsonl"


class PairId(NamedTuple):
    """What makes a comparison unique within a folder."""

    case: str
    trial: int
    doctor_a: str
    doctor_b: str


class PairingBook:
    """The one writer of a folder's comparisons."""

    def __init__(self, folder: Path, referee: dict[str, Any]) -> None:
        """Open the folder's comparisons to go on with them.

        Args:
            folder: a run folder, or one for comparisons between runs; made when missing.
            referee: what identifies the referee and the runs; must be equal to what the folder holds already.

        Raises:
            RunFolderError: the folder holds comparisons by another referee, is being written by somebody else, or
                cannot be written.
        """
        self.folder = folder
        stored = read_referee(folder)
        if stored is not None and stored != json.loads(json.dumps(referee)):
            differing = ", ".join(sorted(key for key in referee.keys() | stored.keys()
                                         if stored.get(key) != json.loads(json.dumps(referee.get(key)))))
            raise RunFolderError(
                f"{folder} holds comparisons of another kind; different: {differing}. Choose another --out, or remove "
                f"{REFEREE} and {PAIRINGS} there to begin anew."
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = lock_folder(folder)
        except OSError as error:
            raise RunFolderError(f"cannot write {folder}: {error.strerror}") from error
        if stored is None:
            write_whole(folder / REFEREE, json.dumps(referee, ensure_ascii=False, indent=2) + "\n")
        self._journal = Journal(folder / PAIRINGS)

    def add(self, pairing: Pairing) -> None:
        """Write one comparison."""
        self._journal.append(pairing.model_dump_json())

    def close(self) -> None:
        """Flush, close and let go of the folder."""
        self._journal.close()
        os.close(self._lock)


def read_referee(folder: Path) -> dict[str, Any] | None:
    """Return who compared what in ``folder``; None when nothing was compared. Raises RunFolderError."""
    path = folder / REFEREE
    if not path.exists():
        return None
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise RunFolderError(f"{path} does not describe a referee")
    return data


def read_pairings(folder: Path) -> dict[PairId, Pairing]:
    """Return the folder's comparisons; of one that was tried again the last. Raises RunFolderError."""
    return {pair_id(one): one for one in _lines(folder)}


def finished(found: dict[PairId, Pairing]) -> dict[PairId, str]:
    """Return the config hashes of comparisons that need not be tried again: no server failed during them."""
    return {
        name: one.config_hash for name, one in found.items()
        if not any(failure.owner == "infrastructure" for failure in one.failures)
    }


def pair_id(pairing: Pairing) -> PairId:
    """Return what the comparison is called."""
    return PairId(pairing.case, pairing.trial, pairing.doctor_a, pairing.doctor_b)


def _lines(folder: Path) -> Iterator[Pairing]:
    for number, line in enumerate(read_lines(folder / PAIRINGS), 1):
        try:
            yield Pairing.model_validate(line)
        except ValidationError as error:
            raise RunFolderError(f"{folder / PAIRINGS}:{number}: is not a comparison: {error}") from error
