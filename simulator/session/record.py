"""A branch as a consultation's record, verdicts that hold for certain turns, and turns a person rewrites."""

from __future__ import annotations

from typing import Self

from agents import catalog
from graphs.routing import stop_reason, whose_turn
from scenarios.identity import content_hash
from scenarios.schema import (
    BackendRef,
    Case,
    Consultation,
    Failure,
    Frozen,
    Key,
    Language,
    Latency,
    Timing,
    Turn,
    Verdict,
)
from simulator.acoustics import speech_identity
from simulator.run_one import is_scored, merge_metrics
from simulator.session.model import HUMAN, Branch, Casting


class Judged(Frozen):
    """What the judges said of the turns with this hash."""

    turns: str
    verdicts: tuple[Verdict, ...]
    failures: tuple[Failure, ...]

    @classmethod
    def of(cls, turns: tuple[Turn, ...], verdicts: tuple[Verdict, ...], failures: tuple[Failure, ...]) -> Self:
        """Keep the verdicts with the turns' hash."""
        return cls(turns=_hash(turns), verdicts=verdicts, failures=failures)

    def holds_for(self, turns: tuple[Turn, ...]) -> bool:
        """Whether just these turns were judged."""
        return self.turns == _hash(turns)


def as_consultation(
    case: Case, branch: Branch, place: int, turns: tuple[Turn, ...], judged: Judged | None
) -> Consultation:
    """Return the record of a branch: ``trial`` is its place, ``stop_reason`` is ``failed`` while it is not over."""
    casting = branch.casting
    over = whose_turn(turns, casting.max_turns) == "__end__"
    failures = judged.failures if judged else ()
    return Consultation(
        key=Key(
            case=case.id, doctor=casting.doctor_name, trial=place, seed=casting.seed,
            config_hash=config_hash(case, casting),
        ),
        language=case.language, turns=turns,
        stop_reason=stop_reason(turns, casting.max_turns) if over else "failed",
        verdicts=judged.verdicts if judged else (),
        metrics=merge_metrics(judged.verdicts, turns) if judged else {},
        failures=failures, scored=judged is not None and is_scored(failures),
        timing=Timing(started_at=branch.created_at, wall_s=round(sum(turn.latency.total_s for turn in turns), 6)),
    )


def config_hash(case: Case, casting: Casting) -> str:
    """Return the hash of what a branch was set up with; it says nothing of turns that people wrote or rewrote."""
    speech = speech_identity(casting.speech, {})
    return content_hash({
        **({} if speech is None else {"speech": speech}),
        "case": content_hash(case), "doctor": _identity("doctor", casting.doctor),
        "patient": {**_identity("patient", casting.patient), "persona": casting.persona.model_dump(mode="json")},
        "examiner": _identity("examiner", casting.examiner), "max_turns": casting.max_turns, "seed": casting.seed,
    })


def rewritten(turn: Turn, text: str, disclosed: tuple[str, ...]) -> Turn:
    """Return ``turn`` with a person's words; what belonged to the old words (sound, tokens, an end) is gone."""
    return turn.model_copy(update={
        "text": text, "backend": HUMAN, "disclosed": disclosed, "differential": (), "heard": None, "audio": None,
        "heard_audio": None, "speech": None, "speech_timing": None,
        "usage": None, "latency": Latency(), "finish": "stop", "end": None,
    })


def ordering(language: Language, requests: tuple[str, ...]) -> str:
    """Return the words with which a doctor orders examinations."""
    if language == "zh":
        return f"请先做一下：{'、'.join(requests)}。"
    return f"Please have this done: {', '.join(requests)}."


def _identity(role: catalog.BackendRole, ref: BackendRef) -> dict[str, object]:
    return {"backend": HUMAN} if ref.backend == HUMAN else catalog.identity(role, ref)


def _hash(turns: tuple[Turn, ...]) -> str:
    return content_hash([turn.model_dump(mode="json", exclude={"latency"}) for turn in turns])
