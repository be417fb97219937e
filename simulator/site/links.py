"""Where every page of a static site is, seen from one of them; it knows file names, no content and no folder."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from scenarios.schema import Key, KeyId
from simulator.site import names
from simulator.site.choice import Chosen

Place = tuple[KeyId, int]
"""A turn: whose consultation, and its index."""


@dataclass
class StaticLinks:
    """Relative addresses from a page that lies ``depth`` folders below the site's top.

    ``sounds`` maps the turns whose sound is on the site to its file, ``heard`` those of which what arrived is there as
    well, ``prompts`` holds those whose prompt is; an address of anything else that the site does not hold is ''.
    ``used`` collects the assets that pages ask for.
    """

    chosen: Chosen
    depth: int = 0
    sounds: Mapping[Place, str] = field(default_factory=dict)
    prompts: Collection[Place] = ()
    used: set[str] = field(default_factory=set)
    interactive: bool = False
    heard: Mapping[Place, str] = field(default_factory=dict)

    def asset(self, name: str) -> str:
        """Return where a file of ``simulator/static/`` is."""
        self.used.add(name)
        return self._up(names.asset(name))

    def home(self) -> str:
        """Return the front page."""
        return self._up(names.INDEX)

    def run(self, run: str, query: str = "") -> str:
        """Return the front page, or the page of the list of cases that ``page=N`` in ``query`` asks for."""
        page = parse_qs(query).get("page", ["1"])[0]
        return self._up(names.listing(int(page)))

    def consultation(self, run: str, key: Key, turn: int | None = None) -> str:
        """Return a consultation's page, at ``Turn.index`` when given; '' when it is not on the site."""
        name = KeyId(key.case, key.doctor, key.trial)
        if not self.chosen.has(name):
            return ""
        return self._up(names.consultation(name)) + ("" if turn is None else f"#turn-0-{turn}")

    def compare(self, run: str, case: str, doctors: Sequence[str] = (), trial: int = 0) -> str:
        """Return the page of a case under all doctors of the site; of its first trial when it has not this one."""
        trials = self.chosen.trials(case)
        if not trials:
            return ""
        return self._up(names.compare(case, trial if trial in trials else trials[0]))

    def audio(self, run: str, key: Key, index: int, heard: bool = False) -> str:
        """Return the sound of one turn, as spoken or as heard; '' when it is not on the site."""
        name = (self.heard if heard else self.sounds).get((KeyId(key.case, key.doctor, key.trial), index), "")
        return self._up(name) if name else ""

    def prompt(self, run: str, key: Key, index: int) -> str:
        """Return what the model behind a turn was asked; '' when it is not on the site."""
        name = KeyId(key.case, key.doctor, key.trial)
        return self._up(names.prompt(name, index)) if (name, index) in self.prompts else ""

    def judge_prompt(self, run: str, key: Key, judge: str) -> str:
        """Return nothing: judges' prompts hold the whole record and are not on the site."""
        return ""

    def fork(self, run: str, key: Key, keep: int) -> str:
        """Return '': nothing goes on here."""
        return ""

    def live(self, session: str = "", branch: str = "") -> str:
        """Return '': nothing goes on here."""
        return ""

    def live_audio(self, session: str, branch: str, index: int, heard: bool = False) -> str:
        """Return '': nothing goes on here."""
        return ""

    def batches(self, job: str = "") -> str:
        """Return '': nothing is started here."""
        return ""

    def _up(self, path: str) -> str:
        return "../" * self.depth + path
