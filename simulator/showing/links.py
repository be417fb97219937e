"""Where every page is: one protocol for the server's addresses and for a static site's files; knows no content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from scenarios.schema import Key


class Links(Protocol):
    """Addresses as templates use them; every one can be shared.

    ``interactive`` is False where nothing can be asked of a server (a static site, a file): templates then leave out
    what needs one. An address that does not exist in such a place is ''.
    """

    interactive: bool

    def asset(self, name: str) -> str:
        """Return where a file of ``simulator/static/`` is."""
        ...

    def home(self) -> str:
        """Return the list of runs."""
        ...

    def run(self, run: str, query: str = "") -> str:
        """Return a run's page; ``query`` is an encoded query string of filters, without the question mark."""
        ...

    def consultation(self, run: str, key: Key, turn: int | None = None) -> str:
        """Return a consultation's page, at ``Turn.index`` when given."""
        ...

    def compare(self, run: str, case: str, doctors: Sequence[str] = (), trial: int = 0) -> str:
        """Return the page of one case under several doctors (none named: all)."""
        ...

    def audio(self, run: str, key: Key, index: int, heard: bool = False) -> str:
        """Return the sound of one turn: as it was spoken, or as it was heard behind the room and the line."""
        ...

    def prompt(self, run: str, key: Key, index: int) -> str:
        """Return what the model behind a turn was asked."""
        ...

    def judge_prompt(self, run: str, key: Key, judge: str) -> str:
        """Return what a judge's model was asked about a consultation."""
        ...

    def fork(self, run: str, key: Key, keep: int) -> str:
        """Return the page that starts a live session from the first ``keep`` turns of a stored consultation."""
        ...

    def live(self, session: str = "", branch: str = "") -> str:
        """Return the list of live sessions, one of them, or one of its branches."""
        ...

    def live_audio(self, session: str, branch: str, index: int, heard: bool = False) -> str:
        """Return the sound of one turn of a live session."""
        ...

    def batches(self, job: str = "") -> str:
        """Return the page that starts batches, or one batch under way."""
        ...
