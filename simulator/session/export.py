"""Writes the branches of a session: consultations line by line, training dialogues, or a run folder of their own."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.sound.shelf import SoundShelf
from scenarios.errors import InputError, UnknownName
from scenarios.identity import content_hash
from scenarios.schema import Batch, Consultation, DoctorRef, Failure, PatientRef
from simulator.export import WRITERS
from simulator.plan import Plan
from simulator.preparation import describe
from simulator.session.model import Branch, Casting, SessionInfo, Snapshot
from simulator.session.session import Session
from simulator.session.sounds import with_sounds
from simulator.store import RunWriter, write_whole

FORMATS = ("jsonl", "sharegpt", "run")


@dataclass(frozen=True)
class _Stepped(Plan):
    """What a run folder of branches was to hold: just these records, which nobody can go on with."""

    session: str
    records: str

    def identity(self) -> dict[str, object]:
        """Return what tells this folder from others."""
        return {
            "session": self.session, "records": self.records,
            "batch": self.batch.model_dump(mode="json", by_alias=True),
            "cases": {case.id: content_hash(case) for case in self.all_cases},
        }


async def export_session(session: Session, output: Path, form: str, branches: Sequence[str] = ()) -> str:
    """Write branches of a session to ``output``.

    ``jsonl`` and ``sharegpt`` hold every branch as far as it is. ``run`` is a new run folder in which every branch is a
    doctor of its own; branches that nobody judged are judged first, and that is stored with the session.

    Args:
        session: the session.
        output: a file, or for ``run`` a folder that is new or empty.
        form: one of ``FORMATS``.
        branches: which; none named: all.

    Returns:
        One sentence on what was written.

    Raises:
        UnknownName: a format or branch that does not exist.
        RunFolderError: it cannot be written.
        InputError: there is nothing to write.
    """
    if form not in FORMATS:
        raise UnknownName("format", form, FORMATS)
    info = await session.info()
    chosen = tuple(dict.fromkeys(info.branch(name) for name in branches)) if branches else info.branches
    if form == "run":
        return await _as_run(session, info, chosen, output)
    records = [await session.consultation(branch.id) for branch in chosen]
    await asyncio.to_thread(write_whole, output, WRITERS[form](records))
    return f"{_counted(len(records))} written to {output}"


async def _as_run(session: Session, info: SessionInfo, branches: tuple[Branch, ...], folder: Path) -> str:
    shots = [await session.snapshot(branch.id) for branch in branches]
    if not any(shot.turns for shot in shots):
        raise InputError("nothing has been said in this session yet, so there is no run to write")
    judged = 0
    for place, (branch, shot) in enumerate(zip(branches, shots, strict=True)):
        if shot.turns and not shot.judged:
            shots[place] = await session.judge(branch.id, expected=shot.revision)
            judged += 1
    mixed = {branch.id for branch, shot in zip(branches, shots, strict=True) if not _is_whole(branch, shot)}
    names = doctor_names(branches, mixed)
    batch = _batch(info, branches, names, mixed)
    records = [_record(shot, names[branch.id]) for branch, shot in zip(branches, shots, strict=True)]
    await asyncio.to_thread(_write, folder, info, branches, batch, records, session.shelf)
    said = f"{_counted(len(records))} written to the run folder {folder}"
    said += f"; {judged} of them judged now" if judged else ""
    open_ones = sum(not shot.ended for shot in shots)
    return said + (f"; {open_ones} not over and therefore not scored" if open_ones else "")


def _is_whole(branch: Branch, shot: Snapshot) -> bool:
    """Whether everybody in a branch spoke all their turns themselves: nobody took over, was swapped or rewritten."""
    cast = {"doctor": branch.casting.doctor.backend, "patient": branch.casting.patient.backend}
    return all(turn.backend == cast.get(turn.role, turn.backend) for turn in shot.turns)


def doctor_names(branches: Sequence[Branch], mixed: Collection[str] = ()) -> dict[str, str]:
    """Return what the doctor of each branch is called in a run folder: its name, and the branch's where two share it.

    A branch that goes on from another doctor's turns, or is among the ``mixed``, is always called by both, because its
    words are not that doctor's alone.
    """
    shared = Counter(branch.casting.doctor_name for branch in branches)
    taken: set[str] = set()
    names: dict[str, str] = {}
    for branch in branches:
        alone = shared[branch.casting.doctor_name] == 1 and not branch.shared and branch.id not in mixed
        name = _slug(branch.casting.doctor_name if alone else f"{branch.casting.doctor_name}.{branch.id}")
        names[branch.id] = next(n for n in (name, *(f"{name}.{k}" for k in range(2, 10_000))) if n not in taken)
        taken.add(names[branch.id])
    return names


def _batch(
    info: SessionInfo, branches: tuple[Branch, ...], names: dict[str, str], mixed: Collection[str]
) -> Batch:
    """Return the batch that stands in ``run.json``: the first branch's room, with every branch as a doctor."""
    room = branches[0].casting
    speech = room.speech
    return Batch(
        name=f"session-{info.id}", description=_described(branches, names, mixed), cases=("cases.jsonl",),
        doctors={names[branch.id]: _doctor(branch.casting) for branch in branches},
        voice=speech.voice, listener=speech.listener, input_speech=speech.input_speech or None,
        output_speech=speech.output_speech,
        patient=PatientRef.model_validate(room.patient.model_dump()), examiner=room.examiner, judges=room.judges,
        seed=room.seed, max_turns=max(branch.casting.max_turns for branch in branches),
        turn_timeout_s=room.turn_timeout_s, retries=room.retries, concurrency=1,
    )


def _doctor(casting: Casting) -> DoctorRef:
    """Return a branch's doctor with all of its acoustics, which may be another branch's otherwise."""
    ref, speech = casting.doctor, casting.speech
    options = {name: value for name, value in ref.options.items() if name not in DoctorRef.model_fields}
    if not speech.sounds:
        return DoctorRef(backend=ref.backend, **options)
    return DoctorRef(
        backend=ref.backend, **options, doctor_voice=speech.doctor_voice, listener=speech.listener,
        input_speech=speech.input_speech, output_speech=speech.output_speech, channel=speech.channel,
        turn_taking=speech.turn_taking,
    )


def _described(branches: tuple[Branch, ...], names: dict[str, str], mixed: Collection[str]) -> str:
    said = ["Branches of one session that was stepped by hand."]
    for branch in branches:
        origin = f"the first {branch.shared} turns are those of {branch.parent}" if branch.parent else "from the start"
        label = f" ({branch.label})" if branch.label else ""
        others = "; some turns are a person's or another backend's" if branch.id in mixed else ""
        said.append(f"{names[branch.id]} is branch {branch.id}, {origin}{others}{label}.")
    return " ".join(said)


def _record(shot: Snapshot, doctor: str) -> Consultation:
    """Return a branch as a finished consultation of the run: one that is not over is nobody's, so it is not scored."""
    record = shot.record.model_copy(update={"key": shot.record.key.model_copy(update={"doctor": doctor, "trial": 0})})
    if shot.ended:
        return record
    why = shot.unfinished.message if shot.unfinished else f"the session stopped before the {shot.waiting} spoke"
    broken = Failure(owner="infrastructure", kind="unfinished", message=why, turn=len(shot.turns))
    return record.model_copy(update={"failures": (broken, *record.failures), "scored": False, "stop_reason": "failed"})


def _write(
    folder: Path, info: SessionInfo, branches: tuple[Branch, ...], batch: Batch, records: list[Consultation],
    sounds: SoundShelf,
) -> None:
    plan = _Stepped(batch, (info.case,), (info.case,), tuple(batch.doctors), {}, info.id, content_hash(
        [record.model_dump(mode="json") for record in records]))
    session = {"id": info.id, "branches": [branch.model_dump(mode="json") for branch in branches]}
    writer = RunWriter(folder, plan.identity(), {**describe(plan), "session": session}, resume=False)
    try:
        writer.write_cases(plan.all_cases)
        with_sounds([turn for record in records for turn in record.turns], sounds, SoundShelf(folder))
        for record in records:
            note = writer.turn_writer(record.key)
            for turn in record.turns:
                note(turn)
            writer.consultation(record)
    finally:
        writer.close()


def _slug(name: str) -> str:
    """Return ``name`` as a doctor may be called in a batch: a name that is safe in a path and an address."""
    kept = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:90].lstrip("._-")
    return kept or "doctor"


def _counted(number: int) -> str:
    return "1 branch" if number == 1 else f"{number} branches"
