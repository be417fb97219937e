"""replies.jsonl: every model reply of a run under the hash of its request, and a run played again from it.

No request is kept, so nothing of a key, a prompt or a server's address can be in the file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.llm.tape import Reply
from scenarios.errors import RunFolderError
from simulator.journal import Journal
from simulator.store import RUN, differences, read_run

REPLIES = "replies.jsonl"


@dataclass
class RunTape:
    """Keeps the replies of the run in ``folder``; with ``source`` it answers from that run's and asks no server.

    The file is made with the first reply. What is replayed is kept too: a replay can be replayed.
    """

    folder: Path
    source: Path | None = None
    missing: int = 0
    replaying: bool = field(init=False)
    _places: dict[str, tuple[int, int]] = field(default_factory=dict)
    _journal: Journal | None = None

    def __post_init__(self) -> None:
        """Find the replies to be played. Raises RunFolderError when ``source`` holds none."""
        self.replaying = self.source is not None
        if self.source is None:
            return
        if self.source.resolve() == self.folder.resolve():
            raise RunFolderError(f"{self.source} cannot be replayed into itself: choose another --out")
        read_run(self.source)
        path = self.source / REPLIES
        if not path.exists():
            raise RunFolderError(f"{self.source} has no {REPLIES}: no model was asked in that run, or it is older")
        self._places = _index(path)

    def find(self, request: str) -> Reply | None:
        """Return the recorded reply; counts what is missing."""
        if request not in self._places:
            self.missing += 1
            return None
        assert self.source is not None
        start, size = self._places[request]
        with (self.source / REPLIES).open("rb") as file:
            file.seek(start)
            reply: Reply = json.loads(file.read(size))["reply"]
        self.keep(request, reply)
        return reply

    def keep(self, request: str, reply: Reply) -> None:
        """Append one reply."""
        if self._journal is None:
            self._journal = Journal(self.folder / REPLIES)
        self._journal.append(json.dumps({"request": request, "reply": reply}, ensure_ascii=False))

    def close(self) -> None:
        """Flush and close."""
        if self._journal is not None:
            self._journal.close()

    def why_missing(self, identity: dict[str, Any]) -> str:
        """Return, for people, how many replies were not there and what differs between the two runs; '' if none."""
        if not self.missing or self.source is None:
            return ""
        stored = read_run(self.source)["identity"]
        changed = sorted(differences(stored, json.loads(json.dumps(identity)), ""))
        shown = ", ".join(changed[:6]) + (" ..." if len(changed) > 6 else "")
        why = f"between the runs these differ: {shown}" if changed else (
            f"{self.source / RUN} describes the same run, so it was not finished, or more is asked now"
        )
        return (
            f"{self.missing} model calls are not recorded in {self.source} (failures 'not recorded'); a call is found "
            f"again only with the same prompt, model, sampling and seed, and {why}"
        )


def _index(path: Path) -> dict[str, tuple[int, int]]:
    """Return byte offset and length of each request's last reply: the one that went into the journal."""
    places: dict[str, tuple[int, int]] = {}
    start = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                break
            try:
                places[json.loads(line)["request"]] = (start, len(line))
            except (ValueError, KeyError, TypeError) as error:
                raise RunFolderError(f"{path}:{number}: is not a recorded reply: {error}") from error
            start += len(line)
    return places
