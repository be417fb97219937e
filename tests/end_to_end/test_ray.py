"""On a cluster: the same words as in one process, nothing lost or written twice when a node dies, Ctrl-C, a replay."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import COMMAND, ROOT, canonical, clinic, stored
from tests.ray_nodes import Nodes

BatchFile = Callable[[str], Path]

EMBEDDED = """\
name: embedded
cases: [{library: zh, limit: 5}, {library: en, limit: 5}]
doctors:
  history-taker: {backend: history-taker}
  one-shot: {backend: one-shot}
  moody: {backend: moody}
trials: 2
seed: 11
"""
SLOW = """\
name: slow
cases: [{library: en, limit: 10}]
doctors:
  a: {backend: scripted-doctor, lines: [When did it start?, Is there anything else?, Please rest.], wait_s: 0.3}
  b: {backend: moody}
patient: {backend: scripted-patient, lines: [one, two, three, four, five, six], wait_s: 0.3}
judges: [{backend: scripted-judge, metrics: {total: 50}}]
trials: 10
seed: 3
max_turns: 4
concurrency: 40
"""
SPOKEN = """\
name: spoken
cases: [{library: zh, limit: 2}, {library: en, limit: 2}]
doctors:
  a: {backend: one-shot}
  b: {backend: moody}
voice: {backend: espeak}
listener: {backend: transcript, cer: 0.1}
output_speech: true
channel: {noise: {snr_db: 10}}
max_turns: 2
seed: 5
"""
PLUG_INS = """\
import asyncio, os, uuid
from agents.catalog import BackendSpec
from agents.llm.tape import current_tape, request_hash
from agents.protocols import DoctorReply

DEADLY = BackendSpec("deadly", "doctor", "ends the process that asks it", "cluster_doctors:Deadly")
MOODY = BackendSpec("moody", "doctor", "never says the same twice, but keeps its replies", "cluster_doctors:Moody")

class Deadly:
    async def reply(self, view):
        os._exit(1)

class Moody:
    async def reply(self, view):
        tape, request = current_tape(), request_hash({"seed": view.seed})
        said = tape.find(request)["text"] if tape.replaying else uuid.uuid4().hex
        await asyncio.sleep(0.2)
        if not tape.replaying:
            tape.keep(request, {"text": said})
        return DoctorReply(said)
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """A head and one more node with a processor each, closed to strangers; all processes know the plug-ins."""
    plug_ins = tmp_path_factory.mktemp("plug-ins")
    (plug_ins / "cluster_doctors.py").write_text(PLUG_INS)
    known = plug_ins / "cluster_doctors-1.0.dist-info"
    known.mkdir()
    (known / "METADATA").write_text("Metadata-Version: 2.1\nName: cluster-doctors\nVersion: 1.0\n")
    (known / "entry_points.txt").write_text(
        "[clinic_simulator.backends]\ndeadly = cluster_doctors:DEADLY\nmoody = cluster_doctors:MOODY\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(plug_ins))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        made = Nodes(dict(os.environ))
        try:
            made.add()
            yield made
        finally:
            made.shutdown()


def names(folder: Path) -> Counter[tuple[str, str, int]]:
    return Counter((c["key"]["case"], c["key"]["doctor"], c["key"]["trial"]) for c in stored(folder))


def turns(folder: Path) -> Counter[tuple[str, str, int, int, str]]:
    """What the journal says was said, and how often."""
    lines = [json.loads(line) for line in (folder / "turns.jsonl").read_bytes().splitlines()]
    return spoken((line["key"], line["turn"]) for line in lines)


def spoken(said: Iterable[tuple[dict[str, Any], dict[str, Any]]]) -> Counter[tuple[str, str, int, int, str]]:
    return Counter((key["case"], key["doctor"], key["trial"], turn["index"], turn["text"]) for key, turn in said)


def in_records(folder: Path) -> Counter[tuple[str, str, int, int, str]]:
    """What the finished consultations say was said."""
    return spoken((record["key"], turn) for record in stored(folder) for turn in record["turns"])


def on_cluster(cluster: Nodes, batch: Path, out: Path, *flags: str) -> subprocess.Popen[str]:
    words = ["--log-level", "warning", "run", batch, "--out", out, "--engine", "ray", "--address", cluster.address]
    return subprocess.Popen(
        [*COMMAND, *map(str, words), *flags], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=dict(os.environ), start_new_session=True,
    )


def finished(process: subprocess.Popen[str]) -> str:
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return errors


def wait_until_done(process: subprocess.Popen[str], folder: Path, count: int) -> None:
    path, end = folder / "consultations.jsonl", time.monotonic() + 90
    while not path.exists() or path.read_bytes().count(b"\n") < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "the batch hangs"
        time.sleep(0.05)


def test_a_cluster_says_what_one_process_says_and_its_models_replies_come_along(
    cluster: Nodes, batch_file: BatchFile, tmp_path: Path
) -> None:
    """The embedded doctors speak anew in one process; the moody one can only be heard again from the tape."""
    batch, far, here = batch_file(EMBEDDED), tmp_path / "ray", tmp_path / "local"
    finished(on_cluster(cluster, batch, far, "--no-report"))
    alone = clinic("run", batch, "--out", here, "--no-report", "--replay", far)
    assert alone.returncode == 0, alone.stderr
    assert len(names(far)) == 60 and set(names(far).values()) == {1}
    assert canonical(far) == canonical(here)
    assert turns(far) == turns(here)


def test_sound_made_on_the_nodes_reaches_the_run_folder(
    cluster: Nodes, batch_file: BatchFile, tmp_path: Path
) -> None:
    batch, far, here = batch_file(SPOKEN), tmp_path / "ray", tmp_path / "local"
    finished(on_cluster(cluster, batch, far, "--no-report"))
    alone = clinic("run", batch, "--out", here, "--no-report", "--replay", far)
    assert alone.returncode == 0, alone.stderr
    assert canonical(far) == canonical(here)
    there, alone_sounds = ({p.relative_to(f): p.read_bytes() for p in f.rglob("*.wav")} for f in (far, here))
    assert there == alone_sounds and len(there) > 20
    said = [turn for record in stored(far) for turn in record["turns"]]
    assert {Path(turn[name]["path"]) for turn in said for name in ("audio", "heard_audio") if turn[name]} == set(there)


def test_ctrl_c_ends_the_work_on_all_nodes_and_resume_goes_on(
    cluster: Nodes, batch_file: BatchFile, tmp_path: Path
) -> None:
    batch, run = batch_file(SLOW.replace("trials: 10", "trials: 4")), tmp_path / "run"
    process = on_cluster(cluster, batch, run, "--no-report")
    wait_until_done(process, run, 20)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "--resume" in errors and "Traceback" not in errors
    half, said = stored(run), turns(run)
    assert 20 <= len(half) < 80
    finished(on_cluster(cluster, batch, run, "--resume", "--no-report"))
    assert stored(run)[: len(half)] == half, "a finished consultation was changed"
    assert len(names(run)) == 80 and set(names(run).values()) == {1}
    assert said.items() <= turns(run).items() and turns(run) == in_records(run), "a spoken turn was spoken again"


def test_a_consultation_that_kills_its_process_fails_alone(
    cluster: Nodes, batch_file: BatchFile, tmp_path: Path
) -> None:
    batch = batch_file(SLOW.replace("a: {", "d: {backend: deadly}\n  a: {").replace("wait_s: 0.3", "wait_s: 0.0"))
    errors = finished(on_cluster(cluster, batch, tmp_path / "run", "--limit", "1", "--trials", "1", "--no-report"))
    records = {record["key"]["doctor"]: record for record in stored(tmp_path / "run")}
    assert "a Ray actor was lost" in errors and len(records) == 3
    failed = records["d"]
    assert [(f["owner"], f["kind"]) for f in failed["failures"]] == [("infrastructure", "node_lost")]
    assert not failed["scored"] and failed["stop_reason"] == "failed"
    assert records["a"]["scored"] and records["b"]["scored"] and not records["a"]["failures"]
    assert set(turns(tmp_path / "run").values()) == {1}


def test_a_node_that_dies_loses_nothing_and_repeats_nothing(
    cluster: Nodes, batch_file: BatchFile, tmp_path: Path
) -> None:
    batch, run = batch_file(SLOW), tmp_path / "run"
    doomed = cluster.add()
    process = on_cluster(cluster, batch, run)
    wait_until_done(process, run, 60)
    cluster.kill(doomed)
    assert "a Ray actor was lost" in finished(process), "the node must have been at work"
    assert len(names(run)) == 200 and set(names(run).values()) == {1}
    records = stored(run)
    assert all(record["scored"] and not record["failures"] for record in records)
    assert turns(run) == in_records(run) and set(turns(run).values()) == {1} and len(turns(run)) == 200 * 8
    consultations = json.loads((run / "summary.json").read_text("utf-8"))["consultations"]
    assert consultations["finished"] == consultations["scored"] == 200
    assert (run / "report.html").exists()
