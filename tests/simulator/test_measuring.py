"""The measuring pass: one line a spoken turn, each sound once, whatever is interrupted, killed, gone or damaged."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agents.sound.wave import Sound
from scenarios.errors import InputError, Interrupted, RunFolderError
from scenarios.schema import AudioRef, KeyId, Latency, SpeechFigures, SpeechTiming, Turn
from simulator.cli import main
from simulator.finish import finish_run
from simulator.measuring.crew import DIED, Crew
from simulator.measuring.gaps import Extent, gap_s
from simulator.measuring.lines import SOUND, SoundLines
from simulator.measuring.passing import measure_run
from simulator.measuring.plan import Wanted
from simulator.measuring.work import Job, measure_group
from simulator.store import lock_folder
from tests.simulator.report_run import shipped_cases, write_run
from tests.simulator.sound_run import DOCTOR, PATIENT, dying, write_sound_run
from tests.sounds import noise, speech

ROOT = Path(__file__).resolve().parents[2]
HERE = Wanted()


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / SOUND).read_text("utf-8").splitlines()]


def many(count: int) -> tuple[Sound, ...]:
    return tuple(noise(0.05 + index * 0.001, seed=index) for index in range(count))


def spoken(role: str, seconds: float, cut_s: float | None = None, **changes: Any) -> Turn:
    timing = SpeechTiming(**{"first_audio_s": 0.1, "listening_s": 0.2, "pause_s": 0.4, **changes.pop("timing", {})})
    return Turn.model_validate({
        "index": 0, "exchange": 1, "role": role, "text": "x", "latency": Latency(total_s=0.5), "speech_timing": timing,
        "audio": AudioRef(path="audio/a", sample_rate_hz=16_000, seconds=seconds),
        "speech": SpeechFigures(voice=changes.pop("voice", "v"), cut_s=cut_s), **changes,
    })


def test_a_gap_is_silence_waiting_and_silence_and_a_cut_an_overlap() -> None:
    doctor, patient = spoken("doctor", 5.0), spoken("patient", 3.0)
    ended, begins = Extent(0.1, 4.7), Extent(0.25, 2.8)
    assert gap_s(doctor, ended, patient, begins) == pytest.approx(0.3 + 0.4 + 0.25)
    assert gap_s(patient, begins, doctor, ended) == pytest.approx(0.2 + (0.2 + 0.5 + 0.1) + 0.1)
    own = spoken("doctor", 5.0, voice="doctor", timing={"first_audio_s": 0.9})
    assert gap_s(patient, begins, own, ended) == pytest.approx(0.2 + (0.2 + 0.9) + 0.1)
    assert gap_s(spoken("doctor", 5.0, cut_s=3.0), ended, patient, begins) == pytest.approx(-1.7)
    assert gap_s(spoken("doctor", 5.0, cut_s=4.9), ended, patient, begins) == pytest.approx(0.2 + 0.4 + 0.25)
    assert gap_s(spoken("doctor", 4.69995), ended, patient, begins) == pytest.approx(0.4 + 0.25)


def test_without_speech_on_both_sides_there_is_no_gap() -> None:
    doctor, patient, there = spoken("doctor", 5.0), spoken("patient", 3.0), Extent(0.1, 2.0)
    assert gap_s(doctor, None, patient, there) is None
    assert gap_s(doctor, there, patient, None) is None
    assert gap_s(doctor, there, doctor, there) is None
    assert gap_s(doctor.model_copy(update={"audio": None}), there, patient, there) is None


def test_every_spoken_turn_has_one_line_and_what_crossed_a_channel_its_quality(folder: Path) -> None:
    write_sound_run(folder, 2, turns=3)
    tally = measure_run(folder, HERE)
    found = lines(folder)
    assert (tally.total, tally.measured, tally.left, len(found)) == (6, 6, 0, 6)
    assert [(line["key"]["case"], line["turn"], line["role"]) for line in found] == [
        (f"case-{case}", turn, ("patient", "doctor")[turn % 2]) for case in range(2) for turn in range(3)
    ]
    for line in found:
        assert line["vad"]["share"] > 0.5 and line["problem"] == "" and line["pesq"] is None
        assert (line["stoi"] is not None) == (line["role"] == "patient")
        assert (line["gap_s"] is None) == (line["turn"] == 0)
    assert found[1]["gap_s"] > 0.8 > found[2]["gap_s"] > 0.4


def test_a_later_pass_adds_what_is_asked_for_and_leaves_one_line_a_turn(folder: Path) -> None:
    write_sound_run(folder, 2, turns=3)
    measure_run(folder, HERE)
    before = lines(folder)
    assert measure_run(folder, HERE).already == 6
    tally = measure_run(folder, Wanted(pesq=True, utmos="tests.simulator.sound_run:slow_score"), jobs=0)
    assert (tally.already, tally.measured) == (0, 6)
    after = lines(folder)
    assert len(after) == 6
    for old, new in zip(before, after, strict=True):
        assert {k: new[k] for k in ("vad", "stoi", "gap_s")} == {k: old[k] for k in ("vad", "stoi", "gap_s")}
        assert (new["pesq"] is not None) == (new["role"] == "patient") and new["utmos"] > 1
    assert measure_run(folder, HERE).already == 6
    assert lines(folder) == after, "asking for less forgets nothing"
    assert measure_run(folder, Wanted(utmos="tests.simulator.sound_run:PATIENT.count"), jobs=0).measured == 6
    assert "UTMOS: TypeError" in lines(folder)[0]["problem"] and lines(folder)[0]["pesq"] is not None


def test_each_sound_is_measured_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sound_run(folder, 70, turns=4, sounds=(*many(3), noise(0.4)))
    asked: list[Job] = []
    monkeypatch.setattr("simulator.measuring.passing.Crew", lambda folder, jobs: Crew(
        folder, 0, lambda where, jobs: asked.extend(jobs) or measure_group(where, jobs)
    ))
    assert measure_run(folder, HERE).measured == 280
    assert len(asked) == len({job.key for job in asked}) == 4 + 2


def test_a_missing_damaged_or_foreign_file_is_a_problem_and_mends_itself(folder: Path, tmp_path: Path) -> None:
    records = write_sound_run(folder, 1, turns=4, sounds=(speech(PATIENT), speech(DOCTOR), noise(0.5), noise(0.6)))
    paths = [folder / turn.audio.path for turn in records[0].turns if turn.audio]
    kept = [path.read_bytes() for path in paths]
    paths[0].unlink()
    paths[1].write_bytes(b"RIFF")
    text = (folder / "consultations.jsonl").read_text()
    outside = text.replace(str(paths[2].relative_to(folder)), "../../secret.wav")
    (tmp_path / "secret.wav").write_bytes(kept[2])
    (folder / "consultations.jsonl").write_text(outside)
    tally = measure_run(folder, HERE)
    found = lines(folder)
    assert sum(tally.problems.values()) == 3
    for index, word in enumerate(("no such file", "damaged", "leads out")):
        assert word in found[index]["problem"] and found[index]["vad"] is None and found[index]["gap_s"] is None
    assert found[3]["problem"] == "" and found[3]["vad"] is not None
    assert measure_run(folder, HERE).already == 0, "what could not be read is tried again"
    assert lines(folder) == found
    (folder / "consultations.jsonl").write_text(text)
    for path, content in zip(paths, kept, strict=True):
        path.write_bytes(content)
    measure_run(folder, HERE)
    assert [line["vad"] is not None for line in lines(folder)] == [True] * 4
    assert lines(folder)[0]["problem"] == "" and lines(folder)[1]["gap_s"] is not None


def test_a_process_that_dies_costs_one_sound(folder: Path) -> None:
    shelf_run = write_sound_run(folder, 1, turns=4, sounds=(*many(3), noise(3.0)))
    jobs = [Job(turn.audio, None, frozenset({"vad"})) for turn in shelf_run[0].turns if turn.audio]
    with Crew(folder, 2, dying) as crew:
        found = [finding for _, finding in crew.run([jobs[:2], jobs[2:], jobs[:1]])]
    assert [finding.problem for finding in found] == ["", "", "", DIED, ""]
    assert found[0].figures["vad"]["share"] == 0 and found[3].figures == {"vad": None}


def test_several_processes_find_what_one_does(folder: Path, tmp_path: Path) -> None:
    for place, jobs in ((folder, 0), (tmp_path / "two", 2)):
        write_sound_run(place, 3, turns=4, sounds=(speech(PATIENT), speech(DOCTOR), noise(0.5)))
        measure_run(place, HERE, jobs=jobs)
    assert (folder / SOUND).read_bytes() == (tmp_path / "two" / SOUND).read_bytes()


def test_time_ends_a_pass_and_the_next_one_goes_on(folder: Path) -> None:
    write_sound_run(folder, 50, turns=4, sounds=many(200))
    tally = measure_run(folder, HERE, jobs=0, limit_s=0.0)
    assert 0 < tally.measured < 200 and tally.left == 200 - tally.measured
    rest = measure_run(folder, HERE, jobs=0)
    assert rest.already == tally.measured and rest.left == 0 and len(lines(folder)) == 200


def test_a_torn_line_is_measured_again(folder: Path) -> None:
    write_sound_run(folder, 2)
    measure_run(folder, HERE)
    whole = (folder / SOUND).read_bytes()
    (folder / SOUND).write_bytes(b'{"key": 3}\nno json\n' + whole[:-40])
    assert measure_run(folder, HERE).measured == 2
    assert SoundLines(folder).of(KeyId("case-1", "one", 0)).keys() == {0, 1}
    assert whole.splitlines()[-1] in (folder / SOUND).read_bytes()


def start_slowly(folder: Path, jobs: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "measure", str(folder), "--no-pesq", "--jobs", str(jobs), "--no-report",
         "--utmos", "tests.simulator.sound_run:slow_score"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )
    until = time.monotonic() + 60
    while not ((folder / SOUND).exists() and (folder / SOUND).stat().st_size):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.02)
    return process


@pytest.mark.parametrize(("how", "jobs"), [
    (signal.SIGKILL, 1), pytest.param(signal.SIGINT, 2, marks=pytest.mark.soak),
])
def test_a_killed_pass_goes_on_and_leaves_nobody_behind(folder: Path, how: signal.Signals, jobs: int) -> None:
    write_sound_run(folder, 60, turns=4, sounds=many(240))
    process = start_slowly(folder, jobs)
    if how == signal.SIGKILL:
        process.kill()
    else:
        os.killpg(process.pid, how)
    output, _ = process.communicate(timeout=30)
    done = sum(line.endswith(b"\n") for line in (folder / SOUND).read_bytes().splitlines(keepends=True))
    assert 0 < done < 240
    if how == signal.SIGINT:
        assert process.returncode == 130 and b"same command goes on" in output and b"Traceback" not in output
    until = time.monotonic() + 10
    while living(process.pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not living(process.pid)
    tally = measure_run(folder, Wanted(), jobs=0)
    assert tally.already >= done - 4 and tally.left == 0 and len(lines(folder)) == 240


def living(session: int) -> bool:
    """Return whether a process of the session is left."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                return True
    return False


def test_ctrl_c_here_keeps_what_was_measured(folder: Path) -> None:
    write_sound_run(folder, 40, turns=4, sounds=many(160))

    class Impatient:
        def start(self, total: int) -> None:
            assert total == 160

        def measured(self, turns: int, problems: int) -> None:
            if len(lines(folder)) >= 40:
                raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="were measured"):
        measure_run(folder, HERE, jobs=0, progress=Impatient())
    assert len(lines(folder)) == 40
    assert measure_run(folder, HERE, jobs=0).already == 40


def test_runs_without_sound_and_runs_being_written_are_refused(folder: Path, tmp_path: Path) -> None:
    write_sound_run(folder, 1)
    lock = lock_folder(folder)
    with pytest.raises(RunFolderError, match="written by another"):
        measure_run(folder, HERE)
    os.close(lock)
    with pytest.raises(RunFolderError, match="not a run folder"):
        measure_run(tmp_path, HERE)
    with pytest.raises(InputError, match="names no scorer"):
        measure_run(folder, Wanted(utmos="nobody"), jobs=0)
    write_run(tmp_path / "text", shipped_cases(tmp_path, 2))
    with pytest.raises(InputError, match="holds no sound"):
        measure_run(tmp_path / "text", HERE)


def test_finishing_a_run_measures_it_only_when_it_sounds(folder: Path, tmp_path: Path) -> None:
    write_sound_run(folder, 2)
    outcome = finish_run(folder, with_report=False)
    assert "4 spoken turns measured" in outcome.sound and f"clinic measure {folder}" in outcome.sound
    assert outcome.summary["speech"]["doctors"]["one"]["patient"]["stoi"]["n"] == 2
    assert "measured before" in finish_run(folder, with_report=False).sound
    write_run(tmp_path / "text", shipped_cases(tmp_path, 2))
    program = (
        "import sys; from pathlib import Path; from simulator.finish import finish_run; "
        f"print(repr(finish_run(Path({str(tmp_path / 'text')!r}), with_report=False).sound), "
        "[name for name in ('onnxruntime', 'pystoi', 'soundfile', 'jiwer', 'simulator.measuring.passing') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[-2] == "'' []"
    assert not (tmp_path / "text" / SOUND).exists()


def test_the_command_measures_and_says_what_it_did(folder: Path) -> None:
    write_sound_run(folder, 2)
    done = CliRunner().invoke(main, ["measure", str(folder), "--jobs", "0"])
    assert done.exit_code == 0, done.output
    assert "Measured 4 spoken turns: pesq, stoi, vad." in done.output
    assert json.loads((folder / "summary.json").read_text())["speech"]["doctors"]["one"]["patient"]["pesq"]["n"] == 2
    again = CliRunner().invoke(main, ["measure", str(folder), "--jobs", "0", "--no-report"])
    assert "Measured 0 spoken turns, 4 before" in again.output
    wrong = CliRunner().invoke(main, ["measure", str(folder), "--utmos", "nobody", "--jobs", "0"])
    assert wrong.exit_code == 2 and "names no scorer" in wrong.output and "Traceback" not in wrong.output
