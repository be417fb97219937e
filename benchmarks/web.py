"""Speed and memory of ``clinic view``: ``python -m benchmarks.web [CONSULTATIONS]``; it prints, it asserts nothing."""

from __future__ import annotations

import json
import os
import platform
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from scenarios.loader import library_cases
from scenarios.schema import Batch
from simulator.batch import run_batch
from simulator.build import build_staff
from simulator.logs import configure_logs
from simulator.plan import Plan
from simulator.preparation import describe
from simulator.run_index import INDEX, write_index
from simulator.store import CASES, CONSULTATIONS, RUN, SUMMARY
from simulator.summary import write_summary

DOCTORS = ("history-taker", "checklist", "one-shot")
TRIALS = 3
NAME = "measured"
STARTS, AGAIN = 7, 30
TARGET = "targets: under 300 ms, under 200 MB"


class Server:
    """A ``clinic view`` process of its own."""

    def __init__(self, runs: Path) -> None:
        """Start it and wait for its address."""
        clinic = str(Path(sys.executable).with_name("clinic"))
        self.process = subprocess.Popen(
            [clinic, "view", str(runs), "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        line = self.process.stdout.readline() if self.process.stdout else ""
        found = re.search(r"http://[^/\s]+", line)
        if not found:
            self.process.kill()
            raise click.ClickException(f"clinic view did not start: {line!r}")
        self.address = found[0]

    def get(self, path: str) -> tuple[float, int]:
        """Return the milliseconds and the bytes of one answer; a new connection each time."""
        start = time.perf_counter()
        with urllib.request.urlopen(self.address + path) as answer:
            size = len(answer.read())
        return (time.perf_counter() - start) * 1e3, size

    def cpu_ms(self) -> float:
        """Return the milliseconds of processor time that the process has used (Linux)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1e3 / os.sysconf("SC_CLK_TCK")

    def peak_mb(self) -> float:
        """Return the most memory that the process held so far, in MB (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) * 1024 / 1e6


@contextmanager
def serving(runs: Path) -> Iterator[Server]:
    """Serve ``runs`` for a while."""
    server = Server(runs)
    try:
        yield server
    finally:
        server.process.send_signal(signal.SIGINT)
        server.process.wait(10)


def make_run(folder: Path, consultations: int) -> str:
    """Write a run folder of the asked size from consultations really held; return how it was made.

    12 shipped cases with three embedded doctors, three trials each, are held; every further case is one of them under
    another id, and its consultations are theirs with other seeds and totals.
    """
    batch = Batch.model_validate({
        "name": NAME, "cases": [{"library": "zh", "limit": 6}, {"library": "en", "limit": 6}],
        "doctors": {name: {"backend": name} for name in DOCTORS}, "trials": TRIALS, "seed": 1,
    })
    cases = (*library_cases("zh", limit=6), *library_cases("en", limit=6))
    staff = build_staff(batch)
    plan = Plan.whole(batch, cases, staff.fingerprints)
    with tempfile.TemporaryDirectory() as held:
        run_batch(plan, staff, Path(held) / "run", describe(plan))
        vary(Path(held) / "run", folder, consultations)
    size = (folder / CONSULTATIONS).stat().st_size
    return f"{len(cases) * len(DOCTORS) * TRIALS} embedded consultations held, varied to {consultations}; " \
           f"{size / 1e6:.0f} MB, {size / consultations / 1e3:.1f} kB each"


def vary(held: Path, folder: Path, consultations: int) -> None:
    """Write ``folder`` with the records of ``held`` again and again, as other cases with other totals."""
    folder.mkdir(parents=True)
    described = json.loads((held / RUN).read_text("utf-8"))
    (folder / RUN).write_text(json.dumps({**described, "planned": consultations}), "utf-8")
    cases = [json.loads(line) for line in (held / CASES).read_text("utf-8").splitlines()]
    records: dict[str, list[dict[str, Any]]] = {}
    for line in (held / CONSULTATIONS).read_text("utf-8").splitlines():
        record = json.loads(line)
        records.setdefault(record["key"]["case"], []).append(record)
    rng, written = random.Random(1), 0
    with (folder / CASES).open("w", encoding="utf-8") as patients, \
            (folder / CONSULTATIONS).open("w", encoding="utf-8") as journal:
        for number in range(-(-consultations // (len(DOCTORS) * TRIALS))):
            case = cases[number % len(cases)]
            name = f"{case['id']}-{number}"
            patients.write(line_of({**case, "id": name}))
            for record in records[case["id"]][: consultations - written]:
                journal.write(line_of(varied(record, name, rng)))
                written += 1


def varied(record: dict[str, Any], case: str, rng: random.Random) -> dict[str, Any]:
    """Return a record as another case's, with a seed and a total of its own."""
    key = {**record["key"], "case": case, "seed": rng.getrandbits(62)}
    total = min(100.0, max(0.0, record["metrics"]["total"] + rng.gauss(0, 6)))
    return {**record, "key": key, "metrics": {**record["metrics"], "total": round(total, 4)}}


def line_of(value: dict[str, Any]) -> str:
    """Return a line as the store writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def first_pages(runs: Path, starts: int = STARTS, *, forget: bool = False) -> str:
    """Return how long the first page of fresh server processes took, and their memory.

    ``forget``: the derived files are deleted before every start.
    """
    times, processor, peaks = [], [], []
    for _ in range(starts):
        if forget:
            for name in (INDEX, SUMMARY):
                (runs / NAME / name).unlink(missing_ok=True)
        with serving(runs) as server:
            before = server.cpu_ms()
            times.append(server.get(f"/runs/{NAME}")[0])
            processor.append(server.cpu_ms() - before)
            peaks.append(server.peak_mb())
    return f"{spread(times)} of {starts}; processor time median {statistics.median(processor):.0f} ms; " \
           f"peak memory {max(peaks):.0f} MB"


def pages(runs: Path, consultation: str) -> None:
    """(c) Pages of a server that has shown the run before."""
    with serving(runs) as server:
        server.get(f"/runs/{NAME}")
        asked = {
            "the run's page again": f"/runs/{NAME}",
            "filtered and sorted": f"/runs/{NAME}?doctor=checklist&language=zh&sort=best&page=3",
            "one consultation": consultation,
            "the list of runs": "/",
        }
        for what, path in asked.items():
            found = [server.get(path) for _ in range(AGAIN)]
            show("c", f"{what}: {spread([ms for ms, _ in found])} of {AGAIN}, {found[0][1] / 1e3:.0f} kB")
        words = ["patient", "chest", "胸", "fever tired", "nothing-says-this", "睡觉"]
        searched = [server.get(f"/runs/{NAME}?q={quote(word)}")[0] for word in words]
        show("c", f"words looked for in every transcript, each for the first time: {spread(searched)} of {len(words)}")
        show("c", f"peak memory of the server after all of this: {server.peak_mb():.0f} MB")


def spread(times: list[float]) -> str:
    """Return median and worst of milliseconds."""
    return f"median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms"


def show(part: str, line: str) -> None:
    """Print one result."""
    click.echo(f"({part}) {line}")


@click.command()
@click.argument("consultations", type=click.IntRange(108), default=10_000)
def main(consultations: int) -> None:
    """Measure the pages of a run of CONSULTATIONS (default: 10,000) in server processes of their own."""
    configure_logs(as_json=False, level="warning")
    click.echo(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
               f"Python {platform.python_version()}; load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as place:
        runs = Path(place)
        show("a", f"a run folder: {make_run(runs / NAME, consultations)}")
        start = time.perf_counter()
        write_index(runs / NAME)
        size = (runs / NAME / INDEX).stat().st_size
        show("a", f"its index, which clinic run writes at the end: {time.perf_counter() - start:.2f} s, "
             f"{size / 1e6:.1f} MB")
        write_summary(runs / NAME)
        show("b", f"first page of the finished run (index and summary are there) by a fresh server process: "
             f"{first_pages(runs)} ({TARGET})")
        first = json.loads((runs / NAME / CONSULTATIONS).open(encoding="utf-8").readline())["key"]
        pages(runs, f"/runs/{NAME}/c/{first['case']}/{first['doctor']}/{first['trial']}")
        show("d", f"first page without index and summary (deleted, or a run never finished): "
             f"{first_pages(runs, 3, forget=True)}; the index is kept then")


if __name__ == "__main__":
    main()
