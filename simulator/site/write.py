"""``clinic export --format site``: a run as a folder of pages that needs no server; it draws nothing itself."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.schema import Case, Consultation, KeyId
from simulator.measured import Measured, gap_counts
from simulator.run_folder import Run
from simulator.showing.preferences import preferences
from simulator.site import names, rendering
from simulator.site.audio import copy_sounds
from simulator.site.choice import Chosen, choose, summary_of
from simulator.site.links import Place, StaticLinks
from simulator.site.place import check_target, new_site

if TYPE_CHECKING:
    from simulator.asked import Asked

DISTRIBUTION = "clinic-simulator"


@dataclass(frozen=True)
class Wanted:
    """What goes onto a site: these doctors and cases (none named: all), at most ``limit`` cases; how it is called."""

    doctors: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    limit: int | None = None
    title: str = ""
    with_prompts: bool = False


@dataclass
class Written:
    """What was written; ``missing`` are the sounds that the journal names and the run folder lacks."""

    consultations: int = 0
    comparisons: int = 0
    sounds: int = 0
    missing: list[str] = field(default_factory=list)
    with_sound: set[str] = field(default_factory=set)
    sources: Counter[str] = field(default_factory=Counter)
    used: set[str] = field(default_factory=set)


def write_site(
    folder: Path, target: Path, wanted: Wanted, *, begin: Callable[[int], None], done: Callable[[], None]
) -> Written:
    """Write the site and return what is on it. The same run and wishes give the same bytes.

    One case's consultations are in memory at a time. After an error or a kill ``target`` is as it was.

    Args:
        folder: the run folder, finished or not.
        target: where the site will be.
        wanted: what goes onto it.
        begin: called with the number of consultations before the first is written.
        done: called after each.

    Raises:
        RunFolderError: no run folder, one that cannot be understood, or one whose journal names a sound outside
            ``audio/``.
        UnknownName: a doctor or case that the run does not have.
        InputError: nothing to show, or ``target`` cannot be replaced.
    """
    run = Run(folder.resolve().name, folder)
    index = run.index()
    chosen = choose(run, index, wanted.doctors, wanted.cases, wanted.limit)
    summary = summary_of(chosen, run.described, run.summary(index))
    colophon = colophon_of(run, wanted)
    check_target(target)
    begin(len(chosen.index))
    about = {"run": run.described["name"], "hash": colophon.hash, "consultations": len(chosen.index)}
    with new_site(target, about) as top:
        site = rendering.Site(
            top, chosen, colophon, run.described, summary, Measured(run.folder), gap_counts(run.folder)
        )
        written = Written()
        for case_id in chosen.by_case:
            _write_case(site, run, case_id, wanted, written, done)
        rendering.write_front(site, written.with_sound, len(written.missing), written.sources, written.used)
        _copy_assets(top, written.used)
    return written


def colophon_of(run: Run, wanted: Wanted) -> rendering.Colophon:
    """Return what the foot of the pages says; the command names no folder of this machine."""
    described, known = run.described, metadata.metadata(DISTRIBUTION)
    name = str(described["name"]) or run.name
    command = ["clinic", "export", run.name, "--format", "site", "-o", "site"]
    command += [word for doctor in wanted.doctors for word in ("--doctor", doctor)]
    command += [word for case in wanted.cases for word in ("--case", case)]
    command += ["--limit", str(wanted.limit)] if wanted.limit else []
    command += ["--title", wanted.title] if wanted.title else []
    command += ["--with-prompts"] if wanted.with_prompts else []
    return rendering.Colophon(
        title=wanted.title or name, run=name, hash=str(described.get("hash", "")), seed=str(described.get("seed", "")),
        revision=str(described.get("revision") or ""),
        notice=str(described.get("notice") or "Simulation for research. Nothing here is medical advice."),
        software=f"{DISTRIBUTION} {known['Version']}", licence=known["License-Expression"] or "",
        command=shlex.join(command),
    )


def _write_case(
    site: rendering.Site, run: Run, case_id: str, wanted: Wanted, written: Written, done: Callable[[], None]
) -> None:
    """Write everything about one case: sounds first, because pages link only what is there."""
    chosen = site.chosen
    case = run.cases().get(case_id)
    records = {name: run.consultation(*name) for name in chosen.by_case[case_id]}
    sounds: dict[Place, str] = {}
    heard: dict[Place, str] = {}
    for name, record in records.items():
        copied = copy_sounds(run.folder, record, site.top)
        sounds |= {(name, turn): file for turn, file in copied.spoken.items()}
        heard |= {(name, turn): file for turn, file in copied.heard.items()}
        written.missing += copied.missing
    prompts = dict(_prompts(run.described, case, records)) if wanted.with_prompts else {}
    links = StaticLinks(chosen, 2, sounds, prompts, written.used, heard=heard)
    preferred = preferences(run.folder, case_id, set(chosen.doctors))
    rendering.write_comparisons(site, case_id, records, case, links, preferred)
    for (name, turn), given in prompts.items():
        rendering.write_prompt(site, records[name], turn, given, links)
    for record in records.values():
        rendering.write_consultation(site, record, case, links)
        done()
    _count(written, chosen, case_id, case, len(sounds) + len(heard))


def _count(written: Written, chosen: Chosen, case_id: str, case: Case | None, sounds: int) -> None:
    written.consultations += len(chosen.by_case[case_id])
    written.comparisons += bool(chosen.trials(case_id))
    written.sounds += sounds
    if sounds:
        written.with_sound.add(case_id)
    if case is not None:
        written.sources[", ".join(word for word in (case.provenance.source, case.provenance.licence) if word)] += 1


def _prompts(
    described: dict[str, Any], case: Case | None, records: dict[KeyId, Consultation]
) -> Iterator[tuple[Place, Asked]]:
    """Yield what each model was given, turn by turn; turns behind which no model stands have nothing."""
    from simulator.asked import asked

    if case is None:
        return
    for name, record in records.items():
        for turn in record.turns:
            given = asked(described, case, record, turn.index)
            if given.messages:
                yield (name, turn.index), given


def _copy_assets(top: Path, used: set[str]) -> None:
    for name in sorted(used):
        path = top / names.asset(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((files("simulator") / "static" / name).read_bytes())
