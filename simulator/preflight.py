"""Before a batch: every agent with a server is asked whether it can be served; it knows no server and mends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from scenarios.errors import ClinicError
from scenarios.schema import Case
from simulator.build import Staff
from simulator.forecasting import longest_of
from simulator.plan import Plan


async def preflight(plan: Plan, staff: Staff) -> None:
    """Ask all agents of the plan; see ``ask_all``."""
    wanted = {f"doctor {name}" for name in plan.doctors}
    members = {who: one for who, one in staff.members.items() if not who.startswith("doctor ") or who in wanted}
    await ask_all(members, plan.cases, plan.batch.max_turns)


async def ask_all(members: Mapping[str, Any], cases: Iterable[Case], max_turns: int) -> None:
    """Ask those who have a ``preflight`` at once, each with its longest prompt over all cases.

    Must run in the event loop that the work will run in: connections belong to the loop that opens them.

    Raises:
        ClinicError: what agents cannot do, each complaint once with its fix; nothing has been written or said.
    """
    asked = {who: agent for who, agent in members.items() if hasattr(agent, "preflight")}
    known = tuple(cases)
    answers = await asyncio.gather(*(_ask(agent, longest_of(agent, known, max_turns)) for agent in asked.values()))
    complaints: dict[str, list[str]] = {}
    for who, answer in zip(asked, answers, strict=True):
        if answer:
            complaints.setdefault(answer, []).append(who)
    if complaints:
        told = "\n".join(f"  {', '.join(who)}: {complaint}" for complaint, who in complaints.items())
        raise ClinicError(f"not started, and nothing was written:\n{told}\n--no-preflight starts without asking.")


async def _ask(agent: Any, longest: int) -> str:
    """Return the agent's complaint, or ''."""
    try:
        await agent.preflight(longest)
    except ClinicError as error:
        return str(error)
    return ""
