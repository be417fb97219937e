"""Makes a consultation into a column of a page and a case into its strip; reads no file and knows no HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from scenarios.schema import Case, Consultation, Demographics, Evidence, Language, Persona, Turn
from simulator.showing.chat import CaseCard, Chip, Column, TurnView
from simulator.showing.links import Links
from simulator.showing.speech_view import SpeechView, speech_view

_UNREMARKABLE = frozenset({"plain", "normal", "none", ""})
_NOTICEABLE_S = 0.005

Sounds = Callable[[Turn, bool], str]
"""Where the sound of a turn is, as it was spoken or (True) as it was heard; '' where it cannot be played."""


def column_of(
    record: Consultation, case: Case | None, links: Links, run: str, *, href: str = "", at: int = 0,
    ended: bool = True, current: int | None = None, measured: Mapping[int, Mapping[str, Any]] | None = None,
    sounds: Sounds | None = None,
) -> Column:
    """Return one consultation as a column.

    Args:
        record: the consultation, as far as it is.
        case: its case; None when the run does not hold it (then nothing is known to have been missed).
        links: where pages are.
        run: the run it is stored in; '' for a live one, whose turns have no sound, prompt or fork address of a run.
        href: the consultation's own page.
        at: the column's place on the page, from 0; it goes into the anchors ``turn-AT-INDEX``.
        ended: False while the consultation goes on: then it has no end and nothing is missed yet.
        current: ``Turn.index`` that the page's address points at.
        measured: what was measured of each turn's sound, by ``Turn.index``.
        sounds: where the sounds are; default: where those of ``run`` are.
    """
    there = {turn.index for turn in record.turns}
    cited, loose = _by_turn(record, there)

    def found(turn: Turn, heard: bool) -> str:
        return links.audio(run, record.key, turn.index, heard) if run else ""

    rounds: dict[int, list[TurnView]] = {}
    for turn in record.turns:
        rounds.setdefault(turn.exchange, []).append(TurnView(
            turn=turn, number=turn.index + 1, anchor=f"turn-{at}-{turn.index}", measurements=measurements(turn),
            chips=chips(cited.get(turn.index, [])), current=turn.index == current,
            failures=tuple(one for one in record.failures if one.turn == turn.index),
            speech=_speech(turn, record.language, sounds or found, (measured or {}).get(turn.index)),
            **_addresses(record, turn, links, run),
        ))
    return Column(
        name=record.key.doctor, record=record, rounds={number: tuple(turns) for number, turns in rounds.items()},
        end=record.stop_reason.replace("_", " ") if ended else "",
        missed=len(missed_items(record, case)) if ended else 0,
        total=record.metrics.get("total") if record.scored else None, href=href,
        loose_failures=tuple(one for one in record.failures if one.turn not in there),
        loose_evidence=tuple(loose), verdicts=record.verdicts, at=at,
        judge_prompts={one.judge: links.judge_prompt(run, record.key, one.judge) for one in record.verdicts if run},
    )


def case_card(case: Case | None, case_id: str, persona: Persona | Mapping[str, Any] | None) -> CaseCard:
    """Return the strip of a case; of one that is not known only the id and the persona are there."""
    manner = persona_words(persona)
    if case is None:
        return CaseCard(case_id, case_id, "", "", "", "", "", "", "", manner)
    critical = len(case.critical_ids)
    specific = sum(fact.critical and fact.disclosure == "specific" for fact in case.facts)
    return CaseCard(
        id=case.id, title=case.title or case.id, language=case.language, who=_who(case),
        department=case.department.replace("_", " "), urgency=case.urgency, complaint=case.chief_complaint,
        diagnosis=case.diagnosis.name if case.diagnosis else "",
        critical=(str(critical) + (f" · {specific} on specific question" if specific else "")) if critical
        else "none marked",
        persona=manner, case=case,
    )


def persona_words(persona: Persona | Mapping[str, Any] | None) -> str:
    """Return the axes on which a persona is out of the ordinary."""
    axes = persona.model_dump() if isinstance(persona, Persona) else dict(persona or {})
    marked = [(axis, str(value)) for axis, value in axes.items() if str(value) not in _UNREMARKABLE]
    words = [value if axis == "personality" else f"{axis} {value}" for axis, value in marked]
    return " · ".join(words).replace("_", " ") or "plain, cooperative"


def missed_items(record: Consultation, case: Case | None) -> frozenset[str]:
    """Return the critical items that the patient never told; empty when the case is not known."""
    told = {item for turn in record.turns if turn.role == "patient" for item in turn.disclosed}
    return case.critical_ids - told if case else frozenset()


def measurements(turn: Turn) -> tuple[str, ...]:
    """Return the short texts below a turn: times, tokens, what it asked for, meant and revealed."""
    return tuple(_measured(turn))


def chips(evidence: list[Evidence]) -> tuple[Chip, ...]:
    """Return evidence with one chip a tag, in the order in which the tags are met."""
    groups: dict[tuple[bool, str], list[str]] = {}
    for one in evidence:
        groups.setdefault((one.good, one.tag), []).append(one.reason)
    return tuple(Chip(tag, good, len(reasons), " · ".join(reasons)) for (good, tag), reasons in groups.items())


def _by_turn(record: Consultation, there: set[int]) -> tuple[dict[int, list[Evidence]], list[Evidence]]:
    cited: dict[int, list[Evidence]] = {}
    loose: list[Evidence] = []
    for verdict in record.verdicts:
        for one in verdict.evidence:
            if one.turn is not None and one.turn in there:
                cited.setdefault(one.turn, []).append(one)
            else:
                loose.append(one)
    return cited, loose


def _addresses(record: Consultation, turn: Turn, links: Links, run: str) -> dict[str, Any]:
    if not run:
        return {}
    return {
        "prompt_href": links.prompt(run, record.key, turn.index),
        "fork_href": links.fork(run, record.key, turn.index + 1) if links.interactive else "",
    }


def _speech(
    turn: Turn, language: Language, sounds: Sounds, measured: Mapping[str, Any] | None
) -> SpeechView | None:
    spoken = sounds(turn, False) if turn.audio else ""
    return speech_view(turn, language, spoken, sounds(turn, True) if turn.heard_audio else "", measured)


def _measured(turn: Turn) -> Iterator[str]:
    first, total = turn.latency.first_s, turn.latency.total_s
    if _NOTICEABLE_S <= first < total:
        yield f"{first:.2f} s to the first"
    if total >= _NOTICEABLE_S:
        yield f"{total:.2f} s"
    if turn.usage and turn.usage.completion:
        yield f"{turn.usage.prompt}→{turn.usage.completion} tokens"
    if turn.usage and turn.usage.cached:
        yield f"{turn.usage.cached} cached"
    yield from _meant(turn)


def _meant(turn: Turn) -> Iterator[str]:
    if turn.requests:
        yield f"asks for {', '.join(turn.requests)}"
    if turn.differential:
        yield f"considers {', '.join(f'{place} {name}' for place, name in enumerate(turn.differential, 1))}"
    if turn.disclosed:
        yield f"reveals {', '.join(turn.disclosed)}"
    if turn.finish != "stop":
        yield "cut off by the length limit" if turn.finish == "length" else turn.finish


def _who(case: Case) -> str:
    speaker = "a caregiver speaks" if case.speaker.kind == "caregiver" else ""
    sex = "" if case.demographics.sex == "unknown" else case.demographics.sex
    return ", ".join(word for word in (_age(case.demographics), sex, speaker) if word)


def _age(person: Demographics) -> str:
    if person.age_years is None:
        return ""
    return f"{person.age_years * 12:.0f} months" if person.age_years < 2 else f"{person.age_years:g} years"
