"""Carries out what a person asks for in one session and tells a view; it reads no keys and draws nothing."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

from scenarios.errors import AgentFailure, InputError, NotNow, Stale, UnknownName
from scenarios.problems import short
from scenarios.schema import Persona
from simulator.session import Heard, Session, SessionInfo, Snapshot
from simulator.session.export import FORMATS, export_session
from simulator.terminal.facts import sound_files
from simulator.terminal.grammar import ROLES, Asked, read
from simulator.terminal.opening import doctor_called, patient_called
from simulator.terminal.prompting import prompt_behind
from simulator.terminal.view import Here, View

GOODBYE = {"zh": "谢谢大夫，我先走了，再见。", "en": "Thank you, doctor. I have to go now, goodbye."}


class Desk:
    """One person's place at a session: the branch they are on and the moment of it that they have seen."""

    def __init__(self, session: Session, view: View, here: Here) -> None:
        """See ``sit_down``."""
        self._session, self._view, self.here = session, view, here
        self.leaving = False
        self._does: dict[str, Callable[[Asked], Awaitable[None]]] = {
            "next": self._next, "run": self._run, "rewind": self._rewind, "fork": self._fork,
            "branch": self._to_branch, "branches": self._branches, "say": self._say, "end": self._end,
            "edit": self._edit, "cast": self._cast, "exam": self._exam, "judge": self._judge, "label": self._label,
            "show": self._show, "prompt": self._prompt, "export": self._export, "help": self._help, "quit": self._quit,
        }

    @classmethod
    async def sit_down(cls, session: Session, view: View, branch: str) -> Desk:
        """Look at a branch and take a place at it; raises UnknownName."""
        snapshot = await session.snapshot(branch)
        return cls(session, view, Here(await session.info(), snapshot))

    @property
    def speaks(self) -> bool:
        """Whether the person is to speak."""
        return self.here.snapshot.for_human

    async def do(self, line: str) -> None:
        """Carry out one line.

        Raises:
            ClinicError: it cannot be read or done. Turns finished by then are kept, and ``here`` is up to date.
        """
        asked = read(line, speaks=self.speaks)
        try:
            await self._does[asked.name](asked)
        except Stale:
            await self._look()
            self._view.moved(self.here, "somebody else went on in this branch")
            raise
        except AgentFailure as error:
            await self.catch_up()
            raise _explained(error) from error
        finally:
            self._view.silence()
        self._view.status(self.here)

    async def catch_up(self) -> None:
        """See the branch as it is now, after a step that failed or was broken off; shows the turns it finished."""
        self._view.silence()
        known = len(self.here.snapshot.turns)
        await self._look()
        self._show_from(known)

    # -- going on ----------------------------------------------------------------------------------------------------

    async def _next(self, asked: Asked) -> None:
        if self.speaks:
            raise NotNow(f"you are the {self.here.snapshot.waiting}: type what the {self.here.snapshot.waiting} says")
        await self._step()

    async def _run(self, asked: Asked) -> None:
        """Go on turn by turn, each seen before the next begins, so that a person may break off in between."""
        await self._next(asked)
        while not (self.here.snapshot.ended or self.speaks):
            await self._step()

    async def _step(self) -> None:
        snapshot = self.here.snapshot
        await self._gone_on(self._session.next(snapshot.branch, expected=snapshot.revision, hear=self._hear))

    async def _say(self, asked: Asked) -> None:
        role = asked.flag("role")
        await self._speak(_role(role) if role else self._role_now(), asked.text)

    async def _end(self, asked: Asked) -> None:
        words = asked.text or GOODBYE[self.here.info.case.language]
        snapshot = self.here.snapshot
        await self._gone_on(self._session.say(
            snapshot.branch, "patient", words, end="farewell", expected=snapshot.revision, hear=self._hear))

    async def _speak(self, role: Literal["patient", "doctor"], text: str) -> None:
        snapshot = self.here.snapshot
        await self._gone_on(
            self._session.say(snapshot.branch, role, text, expected=snapshot.revision, hear=self._hear))

    async def _exam(self, asked: Asked) -> None:
        names = tuple(name for part in re.split("[;；]", asked.text) if (name := part.strip()))
        snapshot = self.here.snapshot
        await self._gone_on(
            self._session.examine(snapshot.branch, names, expected=snapshot.revision, hear=self._hear))

    async def _gone_on(self, step: Awaitable[Snapshot]) -> None:
        """Take a step and show the turns it added, which are stored by then."""
        known = len(self.here.snapshot.turns)
        after = await step
        self._view.silence()
        self.here = Here(self.here.info, after)
        self._show_from(known)

    def _show_from(self, known: int) -> None:
        for turn in self.here.snapshot.turns[known:]:
            self._view.turn(self.here, turn)

    def _role_now(self) -> Literal["patient", "doctor"]:
        waiting = self.here.snapshot.waiting
        if waiting == "end":
            raise NotNow("the consultation is over: go back to an earlier turn, or fork from one")
        if waiting == "examiner":
            raise NotNow("the examiner is next, whose words come from the record: press Enter")
        return waiting

    # -- going back and branching ------------------------------------------------------------------------------------

    async def _rewind(self, asked: Asked) -> None:
        snapshot = self.here.snapshot
        keep = asked.number if asked.number is not None else max(0, len(snapshot.turns) - 1)
        after = await self._session.rewind(snapshot.branch, keep, expected=snapshot.revision)
        self.here = Here(self.here.info, after)
        self._view.moved(self.here, f"back to turn {keep}" if keep else "back to the start")

    async def _edit(self, asked: Asked) -> None:
        snapshot = self.here.snapshot
        number = asked.number or 0
        after = await self._session.edit(snapshot.branch, number, asked.text, expected=snapshot.revision)
        self.here = Here(self.here.info, after)
        self._view.moved(self.here, f"turn {number} rewritten")

    async def _fork(self, asked: Asked) -> None:
        branch = self.here.branch
        doctor, patient = asked.flag("doctor"), asked.flag("patient")
        made = await self._session.fork(
            branch.id, asked.number, name=asked.flag("name"), label=asked.flag("label"),
            doctor=doctor_called(doctor, self.here.info.doctors) if doctor else None, doctor_name=doctor,
            patient=patient_called(patient) if patient else None,
            persona=_persona(self.here.casting.persona, asked.flags.get("persona", ())), seed=_seed(asked.flag("seed")),
        )
        await self._look(made.id)
        self._view.moved(self.here, f"branch {made.id}, from turn {made.shared} of {branch.id}")

    async def _to_branch(self, asked: Asked) -> None:
        await self._look(asked.text)
        self._view.moved(self.here, f"branch {asked.text}")

    async def _branches(self, asked: Asked) -> None:
        await self._look()
        self._view.branches(self.here, await snapshots_of(self._session, self.here.info))

    async def _cast(self, asked: Asked) -> None:
        role, name = asked.text.split(maxsplit=1)
        branch = self.here.branch.id
        if _role(role) == "doctor":
            doctor = doctor_called(name, self.here.info.doctors)
            await self._session.cast(branch, doctor=doctor, doctor_name=name)
        else:
            await self._session.cast(branch, patient=patient_called(name))
        await self._look()
        self._view.note(f"{name} is the {role} from here on")

    # -- looking -----------------------------------------------------------------------------------------------------

    async def _judge(self, asked: Asked) -> None:
        snapshot = self.here.snapshot
        after = await self._session.judge(snapshot.branch, expected=snapshot.revision)
        self.here = Here(self.here.info, after)
        self._view.verdicts(self.here)

    async def _label(self, asked: Asked) -> None:
        await self._session.label(asked.text, self.here.branch.id)
        await self._look()

    async def _show(self, asked: Asked) -> None:
        await self._look()
        self._view.whole(self.here)
        if files := sound_files(self.here):
            self._view.note(f"sounds lie in {self._session.shelf.root}")
            for line in files:
                self._view.note(line)

    async def _prompt(self, asked: Asked) -> None:
        number = asked.number if asked.number is not None else len(self.here.snapshot.turns)
        self._view.prompt(self.here, number, prompt_behind(self.here, number))

    async def _export(self, asked: Asked) -> None:
        form = asked.flag("format") or "jsonl"
        if form not in FORMATS:
            raise UnknownName("format", form, FORMATS)
        done = await export_session(self._session, Path(asked.text), form, asked.flags.get("branch", ()))
        await self._look()
        self._view.note(done)

    async def _help(self, asked: Asked) -> None:
        self._view.help()
        if self.here.casting.speech.sounds:
            self._view.note(f"Sounds lie in {self._session.shelf.root}: `show` names the file of each turn.")

    async def _quit(self, asked: Asked) -> None:
        self.leaving = True

    def _hear(self, heard: Heard) -> None:
        self._view.hear(self.here, heard)

    async def _look(self, branch: str = "") -> None:
        snapshot = await self._session.snapshot(branch or self.here.snapshot.branch)
        self.here = Here(await self._session.info(), snapshot)


async def snapshots_of(session: Session, info: SessionInfo) -> dict[str, Snapshot]:
    """Return every branch of a session as it stands now."""
    return {branch.id: await session.snapshot(branch.id) for branch in info.branches}


def _role(word: str) -> Literal["patient", "doctor"]:
    if word == "doctor":
        return "doctor"
    if word == "patient":
        return "patient"
    raise UnknownName("role", word, ROLES)


def _seed(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or int(text) >= 2**63:
        raise InputError(f"a seed is a whole number from 0, got {short(text)}")
    return int(text)


def _persona(persona: Persona, changes: tuple[str, ...]) -> Persona | None:
    """Return the persona with ``axis=value`` set, several of them joined by commas; None when nothing is."""
    said = dict(persona.model_dump())
    for change in (one for text in changes for one in text.split(",")):
        axis, joined, value = (part.strip() for part in change.partition("="))
        if not joined:
            raise InputError(f"a persona is given as axis=value, e.g. recall=low, got {short(change)}")
        if axis not in said:
            raise UnknownName("persona axis", axis, said)
        choices = axis_values(axis)
        if value not in choices:
            raise UnknownName(axis, value, choices)
        said[axis] = value
    return Persona.model_validate(said) if changes else None


def axis_values(axis: str) -> tuple[str, ...]:
    """Return the values that an axis of a persona may have."""
    return tuple(Persona.model_fields[axis].annotation.__args__)  # type: ignore[union-attr]


def _explained(error: AgentFailure) -> AgentFailure:
    hint = "Nothing changed: `next` tries again, `cast` or `fork` puts somebody else in."
    return AgentFailure(error.owner, error.kind, f"{error.message}. {hint}", retryable=error.retryable)
