"""What is still to be measured of a consultation, and the lines that say what was found; it measures nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from scenarios.schema import Turn
from simulator.measuring.gaps import Extent, gap_s
from simulator.measuring.lines import Line
from simulator.measuring.work import Finding, Job

Found = Callable[[Job], Finding]
_ALONE, _BETWEEN = ("vad", "utmos"), ("stoi", "pesq")


@dataclass(frozen=True)
class Wanted:
    """What a pass measures: voice activity always, STOI and PESQ where a channel was between, UTMOS by a scorer."""

    stoi: bool = True
    pesq: bool = False
    utmos: str = ""

    @property
    def names(self) -> frozenset[str]:
        """Everything that is wanted of some turn."""
        extra = {"stoi": self.stoi, "pesq": self.pesq, "utmos": bool(self.utmos)}
        return frozenset({"vad"} | {name for name, asked in extra.items() if asked})


def sounds(turn: dict[str, Any]) -> bool:
    """Whether a stored turn has sound."""
    return bool(turn.get("audio"))


def crossed(turn: Turn) -> bool:
    """Whether a channel changed something said: an interrupted turn is only shorter, of silence nothing is left."""
    return turn.heard_audio is not None and not (turn.speech and (turn.speech.cut_s is not None or turn.speech.silent))


def lacking(turn: Turn, line: Line | None, wanted: Wanted) -> frozenset[str]:
    """Return what is wanted of a turn with sound and is not in its line."""
    return wanted.names - (frozenset() if crossed(turn) else frozenset(_BETWEEN)) - _measured(turn, line, wanted)


def jobs_of(turn: Turn, line: Line | None, wanted: Wanted) -> Iterator[Job]:
    """Yield what has to be measured for a turn's line to be whole: of its sound alone, and of what arrived."""
    names = lacking(turn, line, wanted)
    if turn.audio is None:
        return
    if alone := names.intersection(_ALONE):
        yield Job(turn.audio, None, alone, wanted.utmos if "utmos" in alone else "")
    if between := names.intersection(_BETWEEN):
        yield Job(turn.audio, turn.heard_audio, between)


def lines_of(
    key: dict[str, Any], turns: tuple[Turn, ...], old: dict[int, Line], wanted: Wanted, found: Found
) -> list[Line]:
    """Return the lines of a consultation's turns with sound that differ from the ``old`` ones."""
    lines: dict[int, Line] = {}
    for turn in turns:
        if turn.audio is not None:
            lines[turn.index] = _line(key, turn, old.get(turn.index), wanted, found)
    for before, turn in zip((None, *turns), turns, strict=False):
        if turn.index in lines and before is not None:
            spoken = _extent(lines.get(before.index))
            lines[turn.index]["gap_s"] = gap_s(before, spoken, turn, _extent(lines[turn.index]))
    return [line for index, line in lines.items() if line != old.get(index)]


def _measured(turn: Turn, line: Line | None, wanted: Wanted) -> frozenset[str]:
    """Return what a line holds of this very sound."""
    if not line or line.get("audio") != (turn.audio and turn.audio.path):
        return frozenset()
    asked = frozenset(str(name) for name in line.get("asked", ()))
    if line.get("heard_audio") != (turn.heard_audio and turn.heard_audio.path):
        asked -= set(_BETWEEN)
    return asked - {"utmos"} if wanted.utmos and line.get("utmos_by") != wanted.utmos else asked


def _line(key: dict[str, Any], turn: Turn, old: Line | None, wanted: Wanted, found: Found) -> Line:
    have = _measured(turn, old, wanted)
    line: Line = {
        "key": {name: key[name] for name in ("case", "doctor", "trial")}, "turn": turn.index, "role": turn.role,
        "vad": None, "gap_s": None, "pesq": None, "stoi": None, "utmos": None, "problem": "",
    }
    if old:
        line |= {name: old.get(name) for name in have.intersection(line)}
    problems = [part for part in str(old.get("problem", "")).split("; ") if part] if old and have else []
    asked = set(have)
    for job in jobs_of(turn, old, wanted):
        finding = found(job)
        line |= finding.figures
        problems += [part for part in finding.problem.split("; ") if part]
        asked |= set() if finding.unreadable else job.asked
    return line | {
        "problem": "; ".join(dict.fromkeys(problems)), "asked": sorted(asked),
        "utmos_by": (wanted.utmos or str((old or {}).get("utmos_by", ""))) if "utmos" in asked else "",
        "audio": turn.audio and turn.audio.path, "heard_audio": turn.heard_audio and turn.heard_audio.path,
    }


def _extent(line: Line | None) -> Extent | None:
    vad = line.get("vad") if line else None
    if not isinstance(vad, dict) or vad.get("first_s") is None or vad.get("last_s") is None:
        return None
    return Extent(float(vad["first_s"]), float(vad["last_s"]))
