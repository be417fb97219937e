"""What models cost us over a bare client, and gain over one dialogue at a time: ``python -m benchmarks.llm_clinic``.

Everything runs against a real vLLM server with a tiny model of random weights (``--url`` names another one), except
part (c), which models a GPU server: replies after 300 ms, 64 at once. It prints, it asserts nothing.
"""

from __future__ import annotations

import asyncio
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
import httpx
import uvloop

from benchmarks.llm_ways import Talks, bare_client, reference_way
from scenarios.loader import library_cases
from scenarios.schema import Batch, Case
from simulator.batch import run_batch
from simulator.build import build_staff
from simulator.logs import configure_logs
from simulator.plan import Plan

EXCHANGES = 6
WORDS = 40
"""Tokens of a doctor's reply; the patient's and judge's lengths follow from their forms."""


LINES = (
    "When did it begin, and did it come on all of a sudden or bit by bit over some days?",
    "Where exactly do you feel it, and does it go anywhere else from there?",
    "What makes it worse, and is there anything that you do that makes it better?",
    "Have you noticed anything else, such as fever, weight loss or trouble sleeping?",
    "Do you take any medicines, and are you allergic to something that you know of?",
    "It is probably nothing bad. Rest, drink enough, and come back if it gets worse.",
)
"""What a doctor says where only patient and judge are measured."""


def batch_of(
    url: str, model: str, concurrency: int, salt: str, *, lines: tuple[str, ...] = (), record: str = "auto"
) -> Batch:
    """Return a batch of LLM patient, chat doctor (or ``lines``) and LLM judge; ``salt`` keeps its cache to itself."""
    server = {"model": model, "base_url": url, "extra_body": {"cache_salt": salt}}
    return Batch.model_validate({
        "name": "llm-clinic", "cases": ["none"], "max_turns": EXCHANGES, "concurrency": concurrency, "seed": 7,
        "doctors": {"d": {"backend": "scripted-doctor", "lines": lines} if lines else {
            "backend": "chat", "max_tokens": WORDS, "stream": False, **server,
        }},
        "patient": {"backend": "llm", "reasks": 0, **server},
        "judges": [{"backend": "llm", "record": record, **server}],
    })


def ours(batch: Batch, cases: tuple[Case, ...], talks: Talks | None = None) -> tuple[float, float, int]:
    """Hold and judge ``cases``; returns wall seconds, CPU seconds of this process and consultations that failed."""
    staff = build_staff(batch)
    plan = Plan.whole(batch, cases, staff.fingerprints)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        if talks is not None:
            stack.enter_context(talks.recording())
        wall, cpu = time.perf_counter(), time.process_time()
        tally = run_batch(plan, staff, Path(folder) / "run", {"batch": {}})
        return time.perf_counter() - wall, time.process_time() - cpu, sum(tally.failures.values())


def some_cases(count: int) -> tuple[Case, ...]:
    """Return ``count`` cases, the shipped ones again under other names when there are too few."""
    shipped = library_cases()
    return tuple(
        shipped[i % len(shipped)].model_copy(update={"id": f"{shipped[i % len(shipped)].id}-{i}"}) for i in range(count)
    )


def overhead(url: str, model: str, rounds: int) -> None:
    """(a) Consultations a minute as a share of what a bare client gets with the very same requests."""
    for concurrency, count in ((1, 6), (8, 32), (32, 96)):
        shares, cpus, rates = [], [], []
        for turn in range(rounds):
            talks = Talks()
            batch = batch_of(url, model, concurrency, f"ours-{concurrency}-{turn}")
            took, cpu, _ = ours(batch, some_cases(count), talks)
            bare = uvloop.run(bare_client(url, talks, concurrency, f"bare-{concurrency}-{turn}"))
            shares.append(bare / took)
            cpus.append(cpu / talks.count * 1e3)
            rates.append(count / took * 60)
        show("a", f"concurrency {concurrency:2}: {statistics.median(rates):6.1f} consultations a minute, "
             f"{statistics.median(shares):.0%} of a bare client with the same {talks.count} requests (target: 90%); "
             f"client CPU {statistics.median(cpus):.1f} ms a call (target: at most 5); median of {rounds}, "
             f"shares {', '.join(f'{s:.2f}' for s in shares)}")


def against_reference(part: str, url: str, model: str, *, few: int, many: int, concurrency: int, target: str) -> None:
    """(b, c) Our way with many at once against one dialogue at a time, prompts rebuilt, judged in a second pass."""
    talks = Talks()
    slow = uvloop.run(reference_way(url, model, some_cases(few), EXCHANGES, WORDS, f"reference-{part}"))
    took, cpu, failed = ours(batch_of(url, model, concurrency, f"ours-{part}"), some_cases(many), talks)
    theirs, mine = few / slow.wall_s * 60, many / took * 60
    show(part, f"concurrency {concurrency}: {mine:.1f} consultations a minute against {theirs:.1f} of the reference's "
         f"way (one at a time): {mine / theirs:.1f}x (target: {target}); client CPU "
         f"{cpu / talks.count * 1e3:.1f} ms a call, {failed} failures")


def prefix_cache(url: str, model: str, count: int = 12) -> None:
    """(d) Patient's and judge's prompt tokens that the server had to compute, by its own metrics, in both shapes."""
    cases = some_cases(count)

    def counted(work: Callable[[], object]) -> tuple[float, float]:
        before = cache_counters(url)
        work()
        looked_up, found = (now - then for now, then in zip(cache_counters(url), before, strict=True))
        return looked_up, looked_up - found

    whole, theirs = counted(
        lambda: uvloop.run(reference_way(url, model, cases, EXCHANGES, WORDS, "reference-d", LINES))
    )
    for record in ("hide", "show"):
        batch = batch_of(url, model, 8, f"ours-d-{record}", lines=LINES, record=record)
        looked_up, mine = counted(partial(ours, batch, cases))
        ours_shown = f"{mine:,.0f} of {looked_up:,.0f} (hit rate {1 - mine / looked_up:.0%})"
        theirs_shown = f"{theirs:,.0f} of {whole:,.0f} (hit rate {1 - theirs / whole:.0%})"
        show("d", f"{count} cases x {EXCHANGES} exchanges, patient and judge (its gold record: {record}): uncached "
             f"prompt tokens {ours_shown} against {theirs_shown} in the reference's prompt shape: "
             f"{theirs / mine:.1f}x fewer (target: 2x); {whole / mine:.1f}x fewer than without any prefix cache, as "
             f"the reference runs")


def cache_counters(url: str) -> tuple[float, float]:
    """Return vLLM's counts of prompt tokens looked up in, and found in, the prefix cache."""
    with urllib.request.urlopen(f"{url.removesuffix('/v1')}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()

    def total(name: str) -> float:
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"vllm:{name}_total{{"))

    return total("prefix_cache_queries"), total("prefix_cache_hits")


@contextmanager
def tiny_server() -> Iterator[str]:
    """Run the tiny vLLM server for the body's time."""
    from simulator.serving import script_of, started, wait_until_up
    from tests.tiny_server import free_port

    port, log = free_port(), Path(tempfile.mkdtemp()) / "server.log"
    with started(script_of("tiny"), host="127.0.0.1", port=port, log=log) as pid:
        served = wait_until_up(pid, host="127.0.0.1", port=port, wait_s=300, log=log, tick=lambda *_: None)
        yield served.url


@contextmanager
def modelled_gpu(latency_s: float = 0.3, places: int = 64) -> Iterator[str]:
    """Run a server in a process of its own whose replies take ``latency_s``, ``places`` at once."""
    command = [sys.executable, "-m", "tests.fault_server", "--latency-s", str(latency_s), "--places", str(places)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)


def show(part: str, line: str) -> None:
    """Print one result."""
    click.echo(f"({part}) {line}")


async def warm(url: str, model: str) -> None:
    """Let the server compile what it compiles once."""
    async with httpx.AsyncClient(timeout=120) as client:
        body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "?"}], "max_tokens": 8}
        await asyncio.gather(*(client.post(f"{url}/chat/completions", json=body) for _ in range(32)))


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(["a", "b", "c", "d"]))
@click.option("--url", help="A running OpenAI-compatible server, ending in /v1  [default: starts the tiny one]")
@click.option("--model", default="tiny-qwen2", show_default=True)
@click.option("--rounds", default=3, show_default=True, help="Repetitions of part (a), ours and bare in alternation.")
def main(parts: tuple[str, ...], url: str | None, model: str, rounds: int) -> None:
    """Measure PARTS (default: all)."""
    configure_logs(as_json=False, level="error")
    wanted = parts or ("a", "b", "c", "d")
    machine = platform.processor() or platform.machine()
    click.echo(f"{machine}, {os.cpu_count()} cores shared by client and server, Python {platform.python_version()}")
    with ExitStack() as stack:
        if set(wanted) - {"c"}:
            url = url or stack.enter_context(tiny_server())
            uvloop.run(warm(url, model))
            ours(batch_of(url, model, 8, "warm"), some_cases(8))  # what is imported and read once, on both sides
            if "a" in wanted:
                overhead(url, model, rounds)
            if "b" in wanted:
                against_reference("b", url, model, few=6, many=64, concurrency=32, target="2.5x")
            if "d" in wanted:
                prefix_cache(url, model)
        if "c" in wanted:
            gpu = stack.enter_context(modelled_gpu())
            against_reference("c", gpu, "good", few=3, many=128, concurrency=64, target="20x")


if __name__ == "__main__":
    main()
