"""Speed and memory of the simulator: ``python -m benchmarks.simulator [a b c d e]``; it prints, it asserts nothing."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypedDict

import click
import uvloop
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from agents.protocols import DoctorReply, DoctorView, ExaminerReply, PatientReply, PatientView
from graphs.consultation import Cast, build_consultation
from scenarios.loader import library_cases
from scenarios.schema import Batch, Case, Persona
from simulator.batch import run_batch
from simulator.build import build_staff
from simulator.logs import configure_logs
from simulator.plan import Plan

EXCHANGES = 6


class Trivial:
    """A doctor, patient and examiner that answer at once."""

    async def reply(self, view: DoctorView) -> DoctorReply:
        """Answer."""
        return DoctorReply("ok")

    async def speak(self, view: PatientView) -> PatientReply:
        """Answer."""
        return PatientReply("ok")

    async def examine(self, case: Case, requests: tuple[str, ...], seed: int) -> ExaminerReply:
        """Answer."""
        return ExaminerReply("ok")


class BareState(TypedDict):
    """The same shape without any of our work in it."""

    case: dict[str, str]
    seed: int
    turns: Annotated[tuple[dict[str, Any], ...], lambda a, b: (*a, *b)]


def whose_turn(turns: tuple[dict[str, Any], ...]) -> str:
    """Return who speaks next in the bare loop."""
    if not turns:
        return "patient"
    if turns[-1]["role"] == "patient":
        return "doctor"
    return END if len(turns) >= 2 * EXCHANGES else "patient"


def bare_loop(*, edges: bool) -> Any:
    """Return a LangGraph loop of the consultation's shape without our work in it.

    ``edges``: routed by conditional edges, as one would write it first; else by the nodes themselves
    (``Command``), as our machine is.
    """

    def node(role: str) -> Callable[[BareState], Awaitable[Any]]:
        async def speak(state: BareState) -> Any:
            said = ({"role": role, "text": "ok"},)
            if edges:
                return {"turns": said}
            return Command(update={"turns": said}, goto=whose_turn((*state["turns"], *said)))

        return speak

    async def router(state: BareState) -> str:
        return whose_turn(state["turns"])

    nodes = ("patient", "doctor", "examiner")
    graph = StateGraph(BareState)
    for role in nodes:
        graph.add_node(role, node(role), destinations=None if edges else (*nodes, END))
    for source in (START, *nodes) if edges else (START,):
        graph.add_conditional_edges(source, router, [*nodes, END])
    return graph.compile()


def overhead(rounds: int = 15, each: int = 20) -> None:
    """(a) Per-turn time of our machine against two bare loops, all streaming their updates, in alternation."""
    agent = Trivial()
    machines = {
        "ours": build_consultation(Cast(agent, agent, agent)).compile(),
        "edges": bare_loop(edges=True), "command": bare_loop(edges=False),
    }
    case = library_cases("en", limit=1)[0]
    full = {"case": case, "persona": Persona(), "seed": 1, "max_turns": EXCHANGES, "turns": ()}
    thin: dict[str, Any] = {"case": {"id": "x"}, "seed": 1, "turns": ()}

    async def timed(name: str) -> float:
        start = time.process_time()
        for _ in range(each):
            given = full if name == "ours" else thin
            async for _update in machines[name].astream(given, {"recursion_limit": 100}, stream_mode="updates"):
                pass
        return (time.process_time() - start) / (each * 2 * EXCHANGES)

    async def compare() -> list[dict[str, float]]:
        rows = [{name: await timed(name) for name in machines} for _ in range(rounds + 1)]
        return rows[1:]

    rows = uvloop.run(compare())
    us = {name: statistics.median(row[name] for row in rows) * 1e6 for name in machines}
    ratio = {name: statistics.median(row["ours"] / row[name] for row in rows) for name in ("edges", "command")}
    show("a", f"CPU per turn, median of {rounds}: ours {us['ours']:.0f} us; bare LangGraph loop of the same shape "
         f"{us['edges']:.0f} us with conditional edges (paired ratio {ratio['edges']:.2f}), {us['command']:.0f} us "
         f"routed by its nodes as ours is (ratio {ratio['command']:.2f}) (target: at most 1.30)")


def waiting(consultations: int = 200, concurrency: int = 64, wait_s: float = 0.05) -> None:
    """(b) A whole batch with journal whose agents each wait 50 ms, against the time an ideal scheduler needs."""
    batch = scripted_batch(trials=consultations, concurrency=concurrency, wait_s=wait_s)
    cases = library_cases("en", limit=1)
    run_in_new_folder(batch.model_copy(update={"trials": 8}), cases=cases)
    took = run_in_new_folder(batch, cases=cases)
    waves = -(-consultations // concurrency)
    ideal = waves * 2 * EXCHANGES * wait_s
    show("b", f"{consultations} consultations x {EXCHANGES} exchanges, every agent waits {wait_s * 1e3:.0f} ms, "
         f"concurrency {concurrency}: {took:.2f} s; ideal ({waves} waves) {ideal:.2f} s; "
         f"{ideal / took:.0%} of the ideal (target: at least 90%)")


def embedded(trials: int = 3) -> None:
    """(c) Embedded doctor, patient, gate and rubric with the journal, on one core."""
    pinned = pin_to_one_core()
    batch = Batch.model_validate({
        "name": "embedded", "cases": [{"library": "all"}], "doctors": {"d": {"backend": "history-taker"}},
        "trials": trials, "seed": 1,
    })
    cases = library_cases()
    run_in_new_folder(batch.model_copy(update={"trials": 1}), cases=cases)
    took = run_in_new_folder(batch, cases=cases)
    count = len(cases) * trials
    show("c", f"embedded consultations with journal and judging, {pinned}: {count} in {took:.1f} s, "
         f"{count / took:.1f} per second")


def memory(consultations: int = 10_000) -> None:
    """(d) Resident memory while one process holds 10,000 consultations, sampled every 1,000."""
    samples: list[float] = []

    class Sampler:
        count = 0

        def start(self, total: int, already: int) -> None:
            samples.append(resident_mib())

        def consultation(self, done: object) -> None:
            self.count += 1
            if self.count % 1_000 == 0:
                samples.append(resident_mib())

    batch = scripted_batch(trials=1_000, concurrency=64, wait_s=0.0)
    cases = library_cases("en", limit=consultations // 1_000)
    run_in_new_folder(batch, cases=cases, progress=Sampler())
    settled = samples[2:]
    growth = (settled[-1] - settled[0]) / (len(settled) - 1)
    show("d", f"resident memory over {consultations} consultations: "
         f"{', '.join(f'{s:.0f}' for s in samples)} MiB; {growth:+.2f} MiB per 1,000 after the first 2,000")


def help_time(runs: int = 9) -> None:
    """(e) Wall time of ``clinic --help`` as a process of its own."""
    command = [str(Path(sys.executable).with_name("clinic")), "--help"]
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - start)
    show("e", f"clinic --help: median {statistics.median(times):.2f} s, worst {max(times):.2f} s of {runs} "
         f"(target: 0.50)")


def scripted_batch(*, trials: int, concurrency: int, wait_s: float) -> Batch:
    """Return a batch of scripted agents that each wait ``wait_s`` and talk for EXCHANGES exchanges."""
    patient = {"backend": "scripted-patient", "lines": ["ok"], "wait_s": wait_s}
    doctor = {"backend": "scripted-doctor", "lines": ["ok"], "wait_s": wait_s}
    return Batch.model_validate({
        "name": "scripted", "cases": ["none"], "doctors": {"d": doctor}, "patient": patient,
        "judges": [{"backend": "scripted-judge"}], "trials": trials, "concurrency": concurrency, "max_turns": EXCHANGES,
    })


def run_in_new_folder(batch: Batch, cases: tuple[Case, ...], progress: Any = None) -> float:
    """Run ``batch`` into a temporary run folder; return the seconds it took, agents made beforehand."""
    staff = build_staff(batch)
    plan = Plan.whole(batch, cases, staff.fingerprints)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run_batch(plan, staff, Path(folder) / "run", {"batch": {}}, progress=progress)
        return time.perf_counter() - start


def pin_to_one_core() -> str:
    """Keep this process on one core where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        return "one core"
    return "one process"


def resident_mib() -> float:
    """Return this process's resident memory in MiB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def show(part: str, line: str) -> None:
    """Print one result."""
    click.echo(f"({part}) {line}")


PARTS = {"a": overhead, "b": waiting, "c": embedded, "d": memory, "e": help_time}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
def main(parts: tuple[str, ...]) -> None:
    """Measure PARTS (default: all). Each part runs in a process of its own."""
    configure_logs(as_json=False, level="warning")
    if len(parts) == 1:
        PARTS[parts[0]]()
        return
    machine = platform.processor() or platform.machine()
    click.echo(f"{machine}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for part in parts or PARTS:
        subprocess.run([sys.executable, "-m", "benchmarks.simulator", part], check=True)


if __name__ == "__main__":
    main()
