"""One session: its branches stepped, rewound, edited, forked and taken over; every finished turn is a checkpoint.

It knows what a person may ask for and when; ``lines`` knows the machines, ``keeping`` where all of it lies.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from agents.sound.shelf import SoundShelf
from agents.sound.wave import Sound
from graphs.stepping import Words, beginning, told_in
from scenarios.errors import InputError, NotNow, UnknownName
from scenarios.schema import SLUG, BackendRef, Consultation, Persona, StopReason, Turn
from simulator.run_one import judge_turns
from simulator.session.heard import Hear
from simulator.session.keeping import Keeping
from simulator.session.lines import Lines, Moment, thread
from simulator.session.microphone import Recorded, Speaker, recorded, recording_called
from simulator.session.model import Branch, SessionInfo, Snapshot, Waiting, recast
from simulator.session.record import Judged, as_consultation, ordering, rewritten
from simulator.session.rooms import Rooms, check_casting, judging_machine

SESSIONS, BRANCHES, JUDGED = "sessions", "branches", "judged"
"""Namespaces of the store."""
MAIN = "main"


class Session:
    """A handle on one stored session; any number of them may exist, in any number of processes."""

    def __init__(self, name: str, keeping: Keeping, rooms: Rooms) -> None:
        """See ``SessionBook.open``."""
        self.id, self._keeping, self._rooms = name, keeping, rooms
        self._lines = Lines(name, keeping, rooms)

    @property
    def shelf(self) -> SoundShelf:
        """Where the sounds of this session's turns lie; paths in turns are relative to ``shelf.root``."""
        return self._rooms.shelf

    # -- looking -----------------------------------------------------------------------------------------------------

    async def info(self) -> SessionInfo:
        """Return what the session is about and its branches, oldest first; raises UnknownName once it is deleted."""
        item = await self._keeping.store.aget((SESSIONS,), self.id)
        if item is None:
            raise UnknownName("session", self.id, ())
        found = await self._keeping.store.asearch((BRANCHES, self.id), limit=10_000)
        branches = sorted((Branch.model_validate(one.value) for one in found), key=lambda b: (b.created_at, b.id))
        return SessionInfo.model_validate({**item.value, "branches": branches})

    async def snapshot(self, branch: str = MAIN) -> Snapshot:
        """Return a branch as it stands now; raises UnknownName."""
        return await self._shown(await self._moment(branch))

    async def consultation(self, branch: str = MAIN) -> Consultation:
        """Return a branch's record as far as it is; ``key.trial`` is the branch's place in the session."""
        return (await self.snapshot(branch)).record

    # -- going on ----------------------------------------------------------------------------------------------------

    async def next(self, branch: str = MAIN, *, expected: str = "", hear: Hear | None = None) -> Snapshot:
        """Let the agent whose turn it is speak.

        Raises:
            NotNow: it is over, or a person's turn.
            Stale: the branch has moved on since revision ``expected``.
            AgentFailure: the agent failed for good; nothing changed, so it may be tried again or replaced.
        """
        async with self._at(branch, expected) as moment:
            return await self._shown(await self._lines.step(moment, hear))

    async def run(self, branch: str = MAIN, *, expected: str = "", hear: Hear | None = None) -> Snapshot:
        """Go on until the consultation ends or a person is to speak; raises as ``next`` does."""
        async with self._at(branch, expected) as moment:
            moment = await self._lines.step(moment, hear)
            while moment.waiting != "end" and not moment.branch.casting.is_human(moment.waiting):
                moment = await self._lines.step(moment, hear)
            return await self._shown(moment)

    async def say(
        self, branch: str, role: Speaker, text: str, *, requests: tuple[str, ...] = (),
        end: StopReason | None = None, expected: str = "", hear: Hear | None = None, sound: str = "",
    ) -> Snapshot:
        """Speak as ``role`` in this turn, whoever is cast for it; ``sound`` names a recording (see ``recorded``).

        Raises:
            NotNow: it is not ``role``'s turn, nothing is said, or nobody can hear.
            InputError: there is no such recording.
            Stale: see ``next``.
        """
        words = Words(text.strip(), tuple(r.strip() for r in requests if r.strip()), end)
        if not words.text:
            raise NotNow("say something: an empty turn is none")
        async with self._at(branch, expected) as moment:
            _is_turn_of(role, moment)
            recording = await recording_called(self._rooms, moment.branch.casting, role, sound)
            return await self._shown(await self._lines.speak(moment, role, words, hear, recording))

    async def recorded(self, branch: str, role: Speaker, sound: Sound, *, expected: str = "") -> Recorded:
        """Store what a person says as ``role`` and return what was understood, to be said then; raises as ``say``."""
        moment = await self._moment(branch)
        moment.not_overtaken(expected)
        _is_turn_of(role, moment)
        language = (await self.info()).case.language
        return await recorded(self._rooms, moment.branch.casting, language, role, len(moment.turns), sound)

    async def examine(
        self, branch: str, requests: tuple[str, ...], *, expected: str = "", hear: Hear | None = None
    ) -> Snapshot:
        """Order examinations now and have them reported.

        On the doctor's turn the doctor says so; after the doctor's words they are added to them.

        Raises:
            NotNow: nothing is ordered, or it is neither of these moments.
            Stale: see ``next``.
        """
        ordered = tuple(dict.fromkeys(r.strip() for r in requests if r.strip()))
        if not ordered:
            raise NotNow("name at least one examination")
        async with self._at(branch, expected) as moment:
            last = moment.turns[-1] if moment.turns else None
            if moment.waiting == "doctor":
                case = (await self.info()).case
                words = Words(ordering(case.language, ordered), ordered)
                moment = await self._lines.speak(moment, "doctor", words, hear)
            elif last is not None and last.role == "doctor":
                both = last.model_copy(update={"requests": tuple(dict.fromkeys((*last.requests, *ordered)))})
                moment = await self._lines.put(moment, len(moment.turns) - 1, both)
            else:
                raise NotNow(f"examinations are ordered by the doctor: {_who(moment.waiting)}")
            return await self._shown(await self._lines.step(moment, hear))

    # -- going back --------------------------------------------------------------------------------------------------

    async def rewind(self, branch: str, keep: int, *, expected: str = "") -> Snapshot:
        """Go back to where only the first ``keep`` turns had been spoken; raises NotNow when there are fewer."""
        async with self._at(branch, expected) as moment:
            _kept(moment.turns, keep)
            return await self._shown(await self._lines.back(moment, keep))

    async def edit(self, branch: str, number: int, text: str, *, expected: str = "") -> Snapshot:
        """Rewrite turn ``number`` (from 1), which drops what came after it; raises NotNow for one that is not there."""
        words = text.strip()
        if not words:
            raise NotNow("write something: an empty turn is none")
        async with self._at(branch, expected) as moment:
            if not 1 <= number <= len(moment.turns):
                raise NotNow(f"there is no turn {number}: {_how_many(moment.turns)}")
            case = (await self.info()).case
            old, before = moment.turns[number - 1], moment.turns[: number - 1]
            told = told_in(case, before, words) if old.role == "patient" else old.disclosed
            return await self._shown(await self._lines.put(moment, number - 1, rewritten(old, words, told)))

    # -- branching ---------------------------------------------------------------------------------------------------

    async def fork(
        self, branch: str = MAIN, keep: int | None = None, *, name: str = "", label: str = "",
        doctor: BackendRef | None = None, doctor_name: str = "", patient: BackendRef | None = None,
        persona: Persona | None = None, seed: int | None = None, max_turns: int | None = None,
    ) -> Branch:
        """Begin a branch with the first ``keep`` turns (None: all) of another, cast as that one but for what is given.

        Raises:
            NotNow: there are not that many turns, or the name is taken.
            UnknownName, InputError: a backend that does not exist or refuses its options.
        """
        moment = await self._moment(branch)
        kept = _kept(moment.turns, keep)
        casting = recast(
            moment.branch.casting, doctor=doctor, doctor_name=doctor_name, patient=patient, persona=persona,
            seed=seed, max_turns=max_turns,
        )
        check_casting(casting)
        async with self._keeping.lock(f"{self.id}:"):
            info = await self.info()
            made = Branch(
                id=_free(name, info), parent=branch, shared=len(kept), label=label, casting=casting,
                created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            )
            address = thread(self.id, made.id)
            await self._keeping.saver.adelete_thread(address["configurable"]["thread_id"])  # of a fork that was killed
            start = beginning(info.case, casting.persona, casting.seed, casting.max_turns, kept)
            await self._rooms.bare.abulk_update_state(address, start)
            await self._save(made)
        return made

    async def cast(
        self, branch: str, *, doctor: BackendRef | None = None, doctor_name: str = "",
        patient: BackendRef | None = None,
    ) -> Branch:
        """Put somebody else in a role from here on; the backend ``human`` is a person. Raises as ``fork`` does."""
        await self._branch(branch)
        async with self._keeping.lock(f"{self.id}:{branch}"):
            known = await self._branch(branch)
            casting = recast(known.casting, doctor=doctor, doctor_name=doctor_name, patient=patient)
            check_casting(casting)
            changed = known.model_copy(update={"casting": casting})
            await self._save(changed)
        return changed

    async def label(self, text: str, branch: str = "") -> None:
        """Name a branch, or without one the session."""
        if branch:
            await self._branch(branch)
        async with self._keeping.lock(f"{self.id}:{branch}"):
            info = await self.info()
            if branch:
                await self._save(info.branch(branch).model_copy(update={"label": text.strip()}))
            else:
                value = info.model_copy(update={"title": text.strip()}).model_dump(mode="json", exclude={"branches"})
                await self._keeping.store.aput((SESSIONS,), self.id, value, index=False)

    async def judge(self, branch: str = MAIN, *, expected: str = "") -> Snapshot:
        """Have what was said so far judged; the verdicts hold as long as the turns stay as they are.

        Raises:
            NotNow: nothing has been said yet.
            Stale: see ``next``.
        """
        moment = await self._moment(branch)
        moment.not_overtaken(expected)
        if not moment.turns:
            raise NotNow("nothing has been said yet, so there is nothing to judge")
        case = (await self.info()).case
        async with judging_machine(moment.branch.casting) as machine:
            verdicts, failures = await judge_turns(machine, case, moment.turns, moment.branch.casting.seed)
        judged = Judged.of(moment.turns, verdicts, failures)
        await self._keeping.store.aput((JUDGED, self.id), branch, judged.model_dump(mode="json"), index=False)
        return await self._shown(moment)

    # -- within ------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _at(self, branch: str, expected: str) -> AsyncIterator[Moment]:
        """Hold the branch still and look at it; raises Stale when it is not where ``expected`` says."""
        await self._branch(branch)  # a name made up leaves no lock behind
        async with self._keeping.lock(f"{self.id}:{branch}"):
            moment = await self._moment(branch)
            moment.not_overtaken(expected)
            yield await self._lines.settled(moment)

    async def _moment(self, branch: str) -> Moment:
        return await self._lines.moment(await self._branch(branch))

    async def _branch(self, name: str) -> Branch:
        item = await self._keeping.store.aget((BRANCHES, self.id), name)
        if item is None:
            raise UnknownName("branch of this session", name, [one.id for one in (await self.info()).branches])
        return Branch.model_validate(item.value)

    async def _save(self, branch: Branch) -> None:
        await self._keeping.store.aput((BRANCHES, self.id), branch.id, branch.model_dump(mode="json"), index=False)

    async def _shown(self, moment: Moment) -> Snapshot:
        info = await self.info()
        known = await self._keeping.store.aget((JUDGED, self.id), moment.branch.id)
        judged = Judged.model_validate(known.value) if known else None
        fits = judged is not None and judged.holds_for(moment.turns)
        place = [one.id for one in info.branches].index(moment.branch.id)
        return Snapshot(
            session=self.id, branch=moment.branch.id, revision=moment.revision, waiting=moment.waiting,
            for_human=moment.waiting != "end" and moment.branch.casting.is_human(moment.waiting),
            record=as_consultation(info.case, moment.branch, place, moment.turns, judged if fits else None),
            judged=fits, unfinished=await self._lines.failure(moment),
        )


def _kept(turns: tuple[Turn, ...], keep: int | None) -> tuple[Turn, ...]:
    if keep is not None and not 0 <= keep <= len(turns):
        raise NotNow(f"there is no turn {keep}: {_how_many(turns)}")
    return turns if keep is None else turns[:keep]


def _free(name: str, info: SessionInfo) -> str:
    """Return the name of a new branch; raises InputError for one that is taken or is no name."""
    if name and not re.fullmatch(SLUG, name):
        raise InputError(f"{name[:100]!r} is no name for a branch: letters, digits, '.', '_' and '-' only, at most 100")
    taken = {branch.id for branch in info.branches}
    if name in taken:
        raise NotNow(f"there is a branch {name!r} already: choose another name")
    return name or next(free for free in (f"b{number}" for number in range(2, len(taken) + 3)) if free not in taken)


def _is_turn_of(role: Speaker, moment: Moment) -> None:
    if moment.waiting != role:
        raise NotNow(f"it is not the {role}'s turn: {_who(moment.waiting)}")


def _who(waiting: Waiting) -> str:
    return "the consultation is over" if waiting == "end" else f"the {waiting} is next"


def _how_many(turns: tuple[Turn, ...]) -> str:
    return f"{len(turns)} turns were spoken" if len(turns) != 1 else "1 turn was spoken"
