"""Where every page of the server is; it knows addresses, no content and no folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from scenarios.schema import Key


@dataclass
class ServerLinks:
    """The addresses of ``clinic view``; ``version`` is the static files', which may be kept for as long as it holds."""

    version: str
    interactive: bool = True

    def asset(self, name: str) -> str:
        """Return where a file of ``simulator/static/`` is."""
        return f"/static/{quote(name)}?v={self.version}"

    def home(self) -> str:
        """Return the list of runs."""
        return "/"

    def run(self, run: str, query: str = "") -> str:
        """Return a run's page; ``query`` is an encoded query string of filters."""
        return f"/runs/{_part(run)}" + (f"?{query}" if query else "")

    def consultation(self, run: str, key: Key, turn: int | None = None) -> str:
        """Return a consultation's page, at ``Turn.index`` when given."""
        return self._one(run, key) + ("" if turn is None else f"?t={turn}")

    def compare(self, run: str, case: str, doctors: Sequence[str] = (), trial: int = 0) -> str:
        """Return the page of one case under several doctors (none named: all)."""
        asked = [("doctor", doctor) for doctor in doctors] + ([("trial", str(trial))] if trial else [])
        return f"/runs/{_part(run)}/compare/{_part(case)}" + (f"?{urlencode(asked)}" if asked else "")

    def audio(self, run: str, key: Key, index: int, heard: bool = False) -> str:
        """Return the sound of one turn: as it was spoken, or as it was heard behind the room and the line."""
        return f"{self._one(run, key)}/audio/{index}" + ("?as=heard" if heard else "")

    def prompt(self, run: str, key: Key, index: int) -> str:
        """Return what the model behind a turn was asked."""
        return f"{self._one(run, key)}/prompt/{index}"

    def judge_prompt(self, run: str, key: Key, judge: str) -> str:
        """Return what a judge's model was asked about a consultation."""
        return f"{self._one(run, key)}/judge-prompt/{_part(judge)}"

    def fork(self, run: str, key: Key, keep: int) -> str:
        """Return the page that starts a live session from the first ``keep`` turns of a stored consultation."""
        asked = {"run": run, "case": key.case, "doctor": key.doctor, "trial": key.trial, "keep": keep}
        return f"/live/new?{urlencode(asked)}"

    def live(self, session: str = "", branch: str = "") -> str:
        """Return the list of live sessions, one of them, or one of its branches."""
        if not session:
            return "/live"
        return f"/live/{_part(session)}" + (f"?{urlencode({'branch': branch})}" if branch else "")

    def live_audio(self, session: str, branch: str, index: int, heard: bool = False) -> str:
        """Return the sound of one turn of a live session."""
        return f"/live/{_part(session)}/audio/{_part(branch)}/{index}" + ("?as=heard" if heard else "")

    def batches(self, job: str = "") -> str:
        """Return the page that starts batches, or one batch under way."""
        return f"/batches/{_part(job)}" if job else "/batches"

    def _one(self, run: str, key: Key) -> str:
        return f"/runs/{_part(run)}/c/{_part(key.case)}/{_part(key.doctor)}/{key.trial}"


def _part(name: str) -> str:
    return quote(name, safe="")
