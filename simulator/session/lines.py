"""One branch at machine level: where it stands, one step on, back to an earlier checkpoint; it decides nothing.

A branch is a LangGraph thread of its own. Going back is time travel within it: the checkpoint after turn k becomes the
newest again, and what had followed stays in the thread's history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from agents.llm.hearing import heard_by
from agents.sound.shelf import shelved
from graphs.routing import whose_turn
from graphs.stepping import Recording, Stepping, Words, said
from scenarios.errors import AgentFailure, NotNow, Stale
from scenarios.schema import Failure, Role, Turn
from simulator.session.heard import Hear, Heard, Voice, nobody
from simulator.session.keeping import Keeping
from simulator.session.model import Branch, Waiting
from simulator.session.rooms import Rooms

TROUBLE = "trouble"
"""Namespace of the store: the failure that kept a branch's last step from ending."""


def thread(session: str, branch: str) -> RunnableConfig:
    """Return the address of a branch's checkpoints."""
    return {"configurable": {"thread_id": f"{session}:{branch}"}}


@dataclass(frozen=True)
class Moment:
    """A branch as it stands: address of the newest checkpoint, turns, who is next.

    ``loose``: the last turn is stored, but a kill came before the checkpoint that holds it. ``unsaid``: somebody's
    words are stored that are still to be said aloud.
    """

    branch: Branch
    config: RunnableConfig
    turns: tuple[Turn, ...]
    waiting: Waiting
    loose: bool = False
    unsaid: bool = False

    @property
    def revision(self) -> str:
        """What names this moment."""
        return str(self.config["configurable"]["checkpoint_id"])

    def not_overtaken(self, expected: str) -> None:
        """Raise Stale when this is not the moment that ``expected`` names."""
        if expected and expected != self.revision:
            raise Stale(self.branch.id)


class Lines:
    """The branches of one session; whoever takes a step holds its lock (``Keeping.lock``)."""

    def __init__(self, session: str, keeping: Keeping, rooms: Rooms) -> None:
        """Look at nothing yet."""
        self._session, self._keeping, self._rooms = session, keeping, rooms

    async def moment(self, branch: Branch) -> Moment:
        """Return where a branch stands now."""
        state = await self._rooms.bare.aget_state(thread(self._session, branch.id))
        turns = tuple(state.values["turns"])
        following = whose_turn(turns, state.values["max_turns"])
        loose = any(task.result for task in state.tasks)
        unsaid = state.values.get("draft") is not None
        return Moment(branch, state.config, turns, "end" if following == "__end__" else following, loose, unsaid)

    async def settled(self, moment: Moment) -> Moment:
        """Write the checkpoint that a kill prevented, so that the next step starts from it; nobody speaks again.

        Words that a kill kept from being said aloud are let go of: their speaker will be asked again.
        """
        if moment.unsaid:
            return await self.back(moment, len(moment.turns), always=True)
        if not moment.loose:
            return moment
        await self._rooms.bare.ainvoke(None, thread(self._session, moment.branch.id), durability="sync")
        return await self.moment(moment.branch)

    async def step(self, moment: Moment, hear: Hear | None) -> Moment:
        """Let the agent whose turn it is speak; raises NotNow or AgentFailure, and then nothing has changed."""
        role = moment.waiting
        if role == "end":
            raise NotNow("the consultation is over: go back to an earlier turn, or fork from one")
        if moment.branch.casting.is_human(role):
            raise NotNow(f"the {role} is a person: say something as the {role}")
        async with self._rooms.machine(moment.branch.casting) as machine:
            try:
                await self._let_speak(machine, moment, role, None, hear)
            except AgentFailure as error:
                await self._trouble(moment, error)
                raise
        return await self.moment(moment.branch)

    async def speak(
        self, moment: Moment, role: Literal["patient", "doctor"], words: Words, hear: Hear | None,
        recording: Recording | None = None,
    ) -> Moment:
        """Let a person say ``words`` in the role whose turn it is, heard with ``recording`` when there is one."""
        async with self._rooms.machine(moment.branch.casting, role, recording) as machine:
            await self._let_speak(machine, moment, role, None, None)  # up to where the person is asked
            await self._let_speak(machine, moment, role, Command(resume=words.plain()), hear)
        return await self.moment(moment.branch)

    async def back(self, moment: Moment, keep: int, *, always: bool = False) -> Moment:
        """Make the checkpoint after ``keep`` turns the newest one; ``always``: even when no turn goes."""
        if always or keep < len(moment.turns):
            await self._rooms.bare.aupdate_state(await self._after(moment, keep), None, as_node="__copy__")
        return await self.moment(moment.branch)

    async def put(self, moment: Moment, index: int, turn: Turn) -> Moment:
        """Let ``turn`` follow the first ``index`` turns, in one checkpoint."""
        update = said(turn)
        await self._rooms.bare.aupdate_state(await self._after(moment, index), update.values, as_node=update.as_node)
        return await self.moment(moment.branch)

    async def failure(self, moment: Moment) -> Failure | None:
        """Return what kept the step from this moment from ending, when it was tried."""
        known = await self._keeping.store.aget((TROUBLE, self._session), moment.branch.id)
        if known is None or known.value["turns"] != len(moment.turns) or moment.waiting == "end":
            return None
        return Failure.model_validate(known.value["failure"])

    async def _let_speak(
        self, machine: Stepping, moment: Moment, role: Role, given: Command[Any] | None, hear: Hear | None
    ) -> None:
        """Run one node; its turn is on disk before anybody hears that it is finished."""
        tell = hear or nobody
        tell(Heard("speaking", role))
        address = thread(self._session, moment.branch.id)
        turns: list[Turn] = []
        with heard_by(Voice(hear, role) if hear else None), shelved(self._rooms.shelf):
            async for update in machine.astream(given, address, stream_mode="updates", durability="sync"):
                changes = [change for change in update.values() if isinstance(change, dict)]
                turns += [turn for change in changes for turn in change.get("turns", ())]
        for turn in turns:
            tell(Heard("turn", turn.role, turn.text, turn))

    async def _after(self, moment: Moment, keep: int) -> RunnableConfig:
        """Return the address of the checkpoint on this line of history that holds just the first ``keep`` turns."""
        state = await self._rooms.bare.aget_state(moment.config)
        while (len(state.values["turns"]) > keep or state.values.get("draft")) and state.parent_config:
            state = await self._rooms.bare.aget_state(state.parent_config)
        return state.config

    async def _trouble(self, moment: Moment, error: AgentFailure) -> None:
        failure = Failure(owner=error.owner, kind=error.kind, message=error.message, turn=len(moment.turns))
        value = {"turns": len(moment.turns), "failure": failure.model_dump(mode="json")}
        await self._keeping.store.aput((TROUBLE, self._session), moment.branch.id, value, index=False)
