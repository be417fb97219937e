"""The Speech part of a report and of a run's page, made from ``summary["speech"]``; it measures and reads no sound."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from simulator import drawing, scatter
from simulator.measured import GAP_BINS, GAP_EDGES

UNMEASURED = "not measured: run clinic measure RUN"
NO_SCORER = "not measured: run clinic measure RUN --utmos SCORER"
NOT_SPOKEN, NO_SOUND, NOBODY = "nobody spoke", "no sound was made", "no listener"
NOTHING_BETWEEN = "no room or line between"
MODES = {"t2t": "text in, text out", "s2t": "speech in, text out", "t2s": "text in, speech out",
         "s2s": "speech in, speech out"}
_FEWEST = 2
"""Points that make a figure."""


@dataclass(frozen=True)
class Cell:
    """One figure: what it is, what else to know of it (interval, spread, n), or, where there is none, why."""

    main: str = ""
    rest: str = ""
    why: str = ""


@dataclass(frozen=True)
class Line:
    """One figure of all doctors, with its explanation where it stands for the first time."""

    title: str
    note: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Block:
    """Lines under one heading."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Point:
    """One doctor with its listener: what was misheard and what it cost, in words."""

    doctor: str
    listener: str
    mark: Markup
    cer: str
    coverage: Cell
    diagnosis: Cell


@dataclass(frozen=True)
class SpeechPart:
    """What the templates show of a run with sound: ``doctors`` are mark, name and mode of each."""

    doctors: tuple[tuple[Markup, str, str], ...]
    blocks: tuple[Block, ...]
    gaps: Markup | None
    points: tuple[Point, ...]
    plots: tuple[tuple[str, str, Markup], ...]


def speech_part(summary: Mapping[str, Any], gaps: Mapping[str, Sequence[int]] | None = None) -> SpeechPart | None:
    """Return the part; None for a run in which nobody spoke or listened.

    Args:
        summary: of a run; ``speech`` of it is shown as far as its doctors are in ``summary["doctors"]``.
        gaps: the histogram of gaps of each doctor, from ``simulator.measured.gap_counts``.
    """
    speech = summary.get("speech") or {}
    places = {name: place for place, name in enumerate(summary.get("doctors", {}))}
    doctors = {name: one for name, one in speech.get("doctors", {}).items() if name in places}
    rows = [row for row in speech.get("robustness", ()) if row["doctor"] in places and row.get("cer") is not None]
    if not doctors:
        return None
    return SpeechPart(
        tuple((drawing.key(places[name]), name, MODES.get(one.get("mode", ""), one.get("mode", "")))
              for name, one in doctors.items()),
        _blocks(list(doctors.values())), _gaps(doctors, places, gaps or {}),
        tuple(_point(row, places[row["doctor"]]) for row in rows),
        _plots(rows, places, summary["doctors"]) if len(rows) >= _FEWEST else (),
    )


def _blocks(doctors: Sequence[Mapping[str, Any]]) -> tuple[Block, ...]:
    def of(side: str, title: str, note: str, cell: Callable[[Mapping[str, Any]], Cell]) -> Line:
        return Line(title, note, tuple(cell(one[side]) for one in doctors))

    blocks = [_block("Taking turns", (
        Line("Spoken turns", "turns of both that became sound or were listened to",
             tuple(Cell(f"{one.get('turns', 0):,}") for one in doctors)),
        Line("Gap between speakers, s", "from one's last sound to the other's first; overlaps are counted apart",
             tuple(_gap(one) for one in doctors)),
        Line("Overlaps", "turns that began before the other had ended", tuple(_overlaps(one) for one in doctors)),
    ))]
    told: set[str] = set()
    for side, title in (("patient", "Patients speak, doctors hear"), ("doctor", "Doctors speak, patients hear")):
        if any(one[side].get("utterances") for one in doctors):
            lines = (of(side, name, "" if name in told else note, cell) for name, note, cell in _LINES)
            blocks.append(_block(title, tuple(lines)))
            told |= {line.title for line in blocks[-1].lines}
    return tuple(blocks)


def _block(title: str, lines: Sequence[Line]) -> Block:
    """Return the lines that can say something; those that are about sound where none was made are left out."""
    return Block(title, tuple(
        line for line in lines if not all(cell.why in (NOT_SPOKEN, NO_SOUND) for cell in line.cells)
    ))


def _soundless(side: Mapping[str, Any]) -> str:
    """Return why a party has no figures of sound; '' when it made some."""
    return NOT_SPOKEN if not side.get("utterances") else "" if side.get("seconds") else NO_SOUND


def _spoken(side: Mapping[str, Any]) -> Cell:
    if not side.get("utterances"):
        return Cell(why=NOT_SPOKEN)
    return Cell(f"{side['utterances']:,}", f"{side['seconds'] / 60:,.1f} min" if side.get("seconds") else NO_SOUND)


def _gap(one: Mapping[str, Any]) -> Cell:
    silent = all(_soundless(one[side]) for side in ("patient", "doctor"))
    return _spread(one.get("gap_s"), NO_SOUND if silent else UNMEASURED)


def _rate(side: Mapping[str, Any], name: str, without: str) -> Cell:
    found = side.get(name)
    if not found or found.get("rate") is None:
        return Cell(why=without)
    interval = found.get("ci95")
    words = f"{100 * interval[0]:.1f}–{100 * interval[1]:.1f}" if interval else "one case"
    return Cell(f"{100 * found['rate']:.1f}%", f"{words} · n {found.get('utterances', 0):,}")


def _of_sound(side: Mapping[str, Any], name: str, missing: str, digits: int = 2) -> Cell:
    return _spread(side.get(name), _soundless(side) or missing, digits)


def _answers(side: Mapping[str, Any]) -> Cell:
    return _of_sound(side, "gap_s", "never after a gap" if side.get("speech_share") else UNMEASURED)


def _score(side: Mapping[str, Any], name: str) -> Cell:
    """Return PESQ or STOI, which compare what arrived with what was spoken."""
    measured = side.get("speech_share") and not side.get("stoi")
    return _of_sound(side, name, NOTHING_BETWEEN if measured else UNMEASURED)


def _made(side: Mapping[str, Any], name: str, digits: int = 2) -> Cell:
    cached = side.get("cached", 0)
    return _of_sound(side, name, f"all {cached:,} were said before" if cached else "not timed", digits)


def _spread(dist: Mapping[str, Any] | None, why: str, digits: int = 2) -> Cell:
    if not dist or not dist.get("n"):
        return Cell(why=why)
    return Cell(f"{dist['median']:.{digits}f}", f"p95 {dist['p95']:.{digits}f} · n {dist['n']:,}")


def _faults(side: Mapping[str, Any]) -> Cell:
    if why := _soundless(side):
        return Cell(why=why)
    return Cell(f"{side.get('clipped', 0):,} / {side.get('silent', 0):,}", f"n {side['utterances']:,}")


def _overlaps(one: Mapping[str, Any]) -> Cell:
    gaps, overlaps = one.get("gap_s"), one.get("overlaps", 0)
    if not gaps and not overlaps:
        return Cell(why=_gap(one).why)
    return Cell(f"{overlaps:,}", f"n {overlaps + (gaps['n'] if gaps else 0):,}")


_LINES: tuple[tuple[str, str, Callable[[Mapping[str, Any]], Cell]], ...] = (
    ("Utterances", "how many became sound, and how long they are together", _spoken),
    ("Character errors (CER)", "said against heard: substitutions, deletions and insertions over the characters said",
     lambda side: _rate(side, "cer", NOBODY)),
    ("Word errors (WER)", "the same by word, in languages that write words apart",
     lambda side: _rate(side, "wer", "no words to count" if side.get("cer") else NOBODY)),
    ("Synthesis, s", "time to make an utterance that was not in the cache", lambda side: _made(side, "synthesis_s")),
    ("Real-time factor", "synthesis over the length of the sound: below 1 is faster than speech",
     lambda side: _made(side, "real_time_factor", 3)),
    ("Time to first audio, s", "until a listener could hear something", lambda side: _made(side, "first_audio_s")),
    ("Answers after, s", "the gap before this party's turns", _answers),
    ("Speech share", "part of the sound in which somebody speaks (voice activity)",
     lambda side: _of_sound(side, "speech_share", UNMEASURED)),
    ("Clipped / silent", "utterances that touch full scale, and that hold no sound", _faults),
    ("PESQ", "quality of what arrived against what was spoken, 1 to 4.6 (ITU-T P.862)",
     lambda side: _score(side, "pesq")),
    ("STOI", "intelligibility of what arrived against what was spoken, 0 to 1", lambda side: _score(side, "stoi")),
    ("UTMOS", "predicted naturalness, 1 to 5; needs no reference", lambda side: _of_sound(side, "utmos", NO_SCORER)),
)


def _gaps(
    doctors: Mapping[str, Mapping[str, Any]], places: Mapping[str, int], gaps: Mapping[str, Sequence[int]]
) -> Markup | None:
    rows = [(name, gaps.get(name) or [0] * GAP_BINS, f"median {one['gap_s']['median']:.2f} s")
            for name, one in doctors.items() if one.get("gap_s")]
    if not rows or not any(sum(counts) for _, counts, _ in rows):
        return None
    low, high = GAP_EDGES
    ticks = [((at - low) / (high - low), f"{at:g} s") for at in range(int(low), int(high) + 1)]
    return drawing.histograms(rows, ticks, "Gaps between speakers by doctor", [places[name] for name, _, _ in rows])


def _point(row: Mapping[str, Any], place: int) -> Point:
    return Point(
        row["doctor"], row.get("listener") or "", drawing.key(place), f"{100 * row['cer']:.1f}%",
        _share(row.get("coverage")), _share(row.get("diagnosis")),
    )


def _share(figure: Mapping[str, Any] | None) -> Cell:
    if not figure or figure.get("mean") is None:
        return Cell(why="not scored")
    interval = figure.get("ci95")
    return Cell(f"{figure['mean']:.2f}", f"{interval[0]:.2f}–{interval[1]:.2f}" if interval else "one case")


def _plots(
    rows: Sequence[Mapping[str, Any]], places: Mapping[str, int], doctors: Mapping[str, Any]
) -> tuple[tuple[str, str, Markup], ...]:
    plots = []
    for name, title in (("coverage", "Critical items out"), ("diagnosis", "Diagnosis named first")):
        dots = [
            scatter.Dot(
                places[row["doctor"]], row["doctor"], row["cer"], row[name]["mean"],
                tuple(row[name]["ci95"]) if row[name].get("ci95") else None,
                str(doctors[row["doctor"]].get("backend", "")),
            )
            for row in rows if row.get(name) and row[name].get("mean") is not None
        ]
        if len(dots) >= _FEWEST:
            note = "share, with 95% intervals over cases, against the character errors of what doctors were told"
            plots.append((title, note, scatter.scatter(dots, f"{title} against character error rate")))
    return tuple(plots)
