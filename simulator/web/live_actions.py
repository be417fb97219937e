"""What a form of a session's page asks for, done: on, back, apart, by a person; it knows no page and no stream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from graphs.routing import stop_reason, whose_turn
from scenarios.errors import InputError, NotNow, Stale
from scenarios.schema import BackendRef, Turn
from simulator import pages
from simulator.session import Branch, Hear, Heard, Session, SessionInfo, Snapshot
from simulator.showing.live_page import known_doctors, known_patient, live_address, live_column, live_marks
from simulator.web.live_events import Hub, Topic
from simulator.web.live_forms import Fields, doctor_of, patient_of, persona_of
from simulator.web.site import Site
from simulator.web.sse import Event

SOON_S = 0.3
"""A run that fails at once says so in its own answer."""
PATIENT_S = 20.0
"""So long a browser without scripts waits for a run before it is shown what there is."""
LONGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Asked:
    """One request to do something in a branch; ``scripted``: a script asked and is told the rest by events."""

    site: Site
    hub: Hub
    session: Session
    info: SessionInfo
    branch: Branch
    fields: Fields
    scripted: bool

    @property
    def topic(self) -> Topic:
        """The branch it is about."""
        return Topic(self.session.id, self.branch.id)

    @property
    def expected(self) -> str:
        """The revision that was looked at."""
        return self.fields.text("expected", 100)


@dataclass(frozen=True)
class Done:
    """What came of it: the branch to look at, or ``href`` where that is another page; ``running``: not over yet."""

    branch: str = ""
    href: str = ""
    running: bool = False


Action = Callable[[Asked], Awaitable[Done]]
Step = Callable[[Hear], Coroutine[Any, Any, Snapshot]]


class Telling:
    """Passes what is heard in a step on to everybody who looks, finished turns as they stand on a page."""

    def __init__(self, asked: Asked, shown: Snapshot) -> None:
        """Know what was said before."""
        self._asked, self._shown = asked, shown

    def __call__(self, heard: Heard) -> None:
        """Pass one thing on."""
        if heard.turn is not None:
            self._asked.hub.tell(self._asked.topic, Event("turn", self._turn(heard.turn)))
        elif heard.kind == "words":
            if self._covered(heard):
                return
            self._asked.hub.tell(self._asked.topic, Event("words", {"text": heard.text}))
        else:
            self._asked.hub.tell(self._asked.topic, Event(heard.kind, {"role": heard.role}))

    def _covered(self, heard: Heard) -> bool:
        """Whether words are a patient's of whom the person who plays the doctor knows only what will be heard."""
        casting = self._asked.branch.casting
        return heard.role == "patient" and casting.is_human("doctor") and casting.speech.input_speech

    def _turn(self, turn: Turn) -> dict[str, Any]:
        """Return a turn's exchange, and what follows it, as the page draws them."""
        asked, before = self._asked, self._shown
        turns, most = (*before.turns, turn), asked.branch.casting.max_turns
        following = whose_turn(turns, most)
        record = before.record.model_copy(update={
            "turns": turns, "verdicts": (), "metrics": {}, "failures": (), "stop_reason": stop_reason(turns, most),
        })
        self._shown = before.model_copy(update={
            "record": record, "judged": False, "waiting": "end" if following == "__end__" else following,
        })
        secret = asked.branch.casting.is_human("doctor")
        column = live_column(asked.info.case, self._shown, asked.branch, asked.site.links, secret=secret,
                             unheard=secret and not self._shown.ended)
        marks = live_marks(self._shown, live_address(asked.site.links, asked.session.id, (asked.branch.id,)))
        drawn = pages.environment().get_template("web/live_parts.html.j2").module
        return {"number": turn.index + 1, "role": turn.role,
                "html": str(drawn.cells(column, marks, turn.exchange))}  # type: ignore[attr-defined]


async def perform(name: str, asked: Asked) -> Done:
    """Do what the form ``name`` asks for and let everybody who looks know; raises ClinicError, then nothing is done."""
    done = await ACTIONS[name](asked)
    asked.hub.touch(asked.session.id)
    return done


async def _step(asked: Asked) -> Done:
    return await _speak(asked, "step", lambda hear: asked.session.next(
        asked.branch.id, expected=asked.expected, hear=hear))


async def _run(asked: Asked) -> Done:
    return await _speak(asked, "run", lambda hear: asked.session.run(
        asked.branch.id, expected=asked.expected, hear=hear), SOON_S if asked.scripted else PATIENT_S)


async def _stop(asked: Asked) -> Done:
    await asked.hub.stop(asked.topic)
    return Done(asked.branch.id)


async def _say(asked: Asked) -> Done:
    fields = asked.fields
    role: Literal["patient", "doctor"] = "doctor" if fields.text("role") == "doctor" else "patient"
    text, orders = fields.text("text", 20_000), fields.items("requests")
    end = "farewell" if fields.text("end") and role == "patient" else None
    return await _speak(asked, "say", lambda hear: asked.session.say(
        asked.branch.id, role, text, requests=orders if role == "doctor" else (), end=end,  # type: ignore[arg-type]
        expected=asked.expected, hear=hear, sound=fields.text("sound", 100)))


async def _examine(asked: Asked) -> Done:
    orders = asked.fields.items("requests")
    return await _speak(asked, "examination", lambda hear: asked.session.examine(
        asked.branch.id, orders, expected=asked.expected, hear=hear))


async def _judge(asked: Asked) -> Done:
    await _awaited(asked.hub.start(asked.topic, "judging", asked.session.judge(
        asked.branch.id, expected=asked.expected)), None)
    return Done(asked.branch.id)


async def _rewind(asked: Asked) -> Done:
    asked.hub.free(asked.topic)
    keep = asked.fields.number("keep", 0, 10_000)
    if keep is None:
        raise InputError("say how many turns stay")
    await asked.session.rewind(asked.branch.id, keep, expected=asked.expected)
    return Done(asked.branch.id)


async def _edit(asked: Asked) -> Done:
    asked.hub.free(asked.topic)
    number = asked.fields.number("number", 1, 10_000)
    if number is None:
        raise InputError("say which turn to edit")
    text = asked.fields.text("text", 20_000)
    await asked.session.edit(asked.branch.id, number, text, expected=asked.expected)
    return Done(asked.branch.id)


async def _fork(asked: Asked) -> Done:
    fields, info = asked.fields, asked.info
    doctor, name = doctor_of(fields, known_doctors(info)) or (None, "")
    made = await asked.session.fork(
        asked.branch.id, fields.number("keep", 0, 10_000), label=fields.text("label"), doctor=doctor,
        doctor_name=fields.text("doctor_name", 100) or name, patient=patient_of(fields, known_patient(info)),
        persona=persona_of(fields, asked.branch.casting.persona), seed=fields.number("seed", 0, LONGEST_SEED),
        max_turns=fields.number("max_turns", 1, 200),
    )
    return Done(made.id, live_address(asked.site.links, info.id, (made.id,)))


async def _cast(asked: Asked) -> Done:
    fields, info = asked.fields, asked.info
    if fields.text("how") == "fork":
        return await _fork(asked)
    asked.hub.free(asked.topic)
    await _not_overtaken(asked)
    doctor, name = doctor_of(fields, known_doctors(info)) or (None, "")
    patient: BackendRef | None = patient_of(fields, known_patient(info))
    if doctor is None and patient is None:
        raise NotNow("choose somebody else first")
    await asked.session.cast(asked.branch.id, doctor=doctor, doctor_name=name, patient=patient)
    return Done(asked.branch.id)


async def _label(asked: Asked) -> Done:
    await asked.session.label(asked.fields.text("label"), asked.branch.id if asked.fields.text("of") else "")
    return Done(asked.branch.id)


async def _delete(asked: Asked) -> Done:
    await asked.hub.stop_session(asked.session.id)
    await asked.site.book.delete(asked.session.id)
    return Done(href=asked.site.links.live())


ACTIONS: Mapping[str, Action] = {
    "step": _step, "run": _run, "stop": _stop, "say": _say, "examine": _examine, "judge": _judge, "rewind": _rewind,
    "edit": _edit, "fork": _fork, "cast": _cast, "label": _label, "delete": _delete,
}


async def _speak(asked: Asked, kind: str, step: Step, patience_s: float | None = None) -> Done:
    """Take a step that everybody hears, and wait for it at most ``patience_s`` (None: as long as it takes)."""
    asked.hub.free(asked.topic)
    shown = await asked.session.snapshot(asked.branch.id)
    task = asked.hub.start(asked.topic, kind, step(Telling(asked, shown)))
    return Done(asked.branch.id, running=not await _awaited(task, patience_s))


async def _awaited(task: asyncio.Task[Snapshot], patience_s: float | None) -> bool:
    """Wait for a task that goes on when the one who waits is gone; returns whether it is over, raises as it does."""
    done, _ = await asyncio.wait({task}, timeout=patience_s)
    if not done:
        return False
    if task.cancelled():
        raise NotNow("it was stopped: the turns that were finished stay")
    task.result()
    return True


async def _not_overtaken(asked: Asked) -> None:
    if asked.expected and (await asked.session.snapshot(asked.branch.id)).revision != asked.expected:
        raise Stale(asked.branch.id)
