"""A consultation as a page shows it: columns of exchanges, evidence beside the sentence; knows no HTML and no route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scenarios.schema import Case, Consultation, Evidence, Failure, Turn, Verdict
from simulator.showing.speech_view import SpeechView

_LANG = {"zh": "zh-Hans", "en": "en"}


@dataclass(frozen=True)
class Chip:
    """Evidence of one tag at one turn; ``reasons`` are shown when it is pressed, ``count`` is how many there are."""

    tag: str
    good: bool
    count: int
    reasons: str


@dataclass(frozen=True)
class TurnView:
    """One turn with what is said about it.

    ``number`` counts from 1 over all roles (``turn.index + 1``) and is what people see; ``anchor`` is its element's
    id; ``measurements`` are short texts below the sentence (latency, tokens, what was asked for or revealed).
    ``speech`` is its sound and what was heard of it, None of a turn that was only written. Addresses are '' where there
    is nothing: ``prompt_href``, ``fork_href``. ``current`` marks the one turn that the page's address points at,
    ``shared`` what every column of a comparison says in the same words.
    """

    turn: Turn
    number: int
    anchor: str
    measurements: tuple[str, ...] = ()
    chips: tuple[Chip, ...] = ()
    failures: tuple[Failure, ...] = ()
    speech: SpeechView | None = None
    prompt_href: str = ""
    fork_href: str = ""
    current: bool = False
    shared: bool = False


@dataclass(frozen=True)
class Column:
    """One doctor's consultation.

    ``rounds`` maps exchange (from 1) to its turns; ``end`` says why it is over ('' while it goes on) and ``missed``
    how many critical items never came out. ``total`` is None when it was not scored; ``over_trials`` says how it
    varies over the trials and ``note`` what else to know of the column. ``at`` is the column's place on the page: its
    turns' anchors are ``turn-AT-INDEX``. Loose evidence and failures cite no turn of it.
    """

    name: str
    record: Consultation
    rounds: Mapping[int, tuple[TurnView, ...]]
    end: str
    missed: int
    total: float | None
    href: str = ""
    loose_failures: tuple[Failure, ...] = ()
    loose_evidence: tuple[Evidence, ...] = ()
    verdicts: tuple[Verdict, ...] = field(default=())
    judge_prompts: Mapping[str, str] = field(default_factory=dict)
    at: int = 0
    over_trials: str = ""
    note: str = ""

    @property
    def last_exchange(self) -> int:
        """The number of exchanges; 0 before anything was said."""
        return max(self.rounds, default=0)

    @property
    def sounds(self) -> int:
        """The number of turns that can be played."""
        return len(self._players)

    @property
    def sound_words(self) -> str:
        """How long all of them are, in words."""
        seconds = round(sum(one.player.seconds for one in self._players if one.player))
        return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60} s"

    @property
    def _players(self) -> list[SpeechView]:
        views = (view.speech for views in self.rounds.values() for view in views)
        return [speech for speech in views if speech and speech.player]

    @property
    def lang(self) -> str:
        """The ``lang`` attribute of what was said."""
        return _LANG[self.record.language]


@dataclass(frozen=True)
class CaseCard:
    """Who the patient is, as the strip above a transcript shows it."""

    id: str
    title: str
    language: str
    who: str
    department: str
    urgency: str
    complaint: str
    diagnosis: str
    critical: str
    persona: str
    case: Case | None = None

    @property
    def lang(self) -> str:
        """The ``lang`` attribute of the case's words; '' when the case is not known."""
        return _LANG.get(self.language, "")
