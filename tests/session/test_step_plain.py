"""The plain terminal mode, as scripts use it: commands on standard input, lines on standard output."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import yaml

from scenarios.loader import library_cases
from simulator.cli import main
from simulator.preparation import prepare
from simulator.store import without_timings
from simulator.terminal.harmless import in_one_line
from simulator.terminal.opening import Order, offer
from simulator.terminal.sitting import shown_place
from tests.end_to_end.conftest import COMMAND, ROOT
from tests.fault_server import FaultServer

BATCH = ROOT / "scenarios" / "batches" / "quickstart.yaml"
CASES = {language: library_cases(language, limit=1)[0] for language in ("zh", "en")}
TURN = re.compile(r"\[(\S+) (\d+) (patient|doctor|examiner)\] (.*)")


def step(tmp_path: Path, commands: str, *words: str | Path, code: int = 0) -> list[str]:
    """Run ``clinic step --plain`` in this process with ``commands`` on standard input; returns the lines it wrote."""
    with standard_input(commands):
        done, out, _ = command("step", *words, "--plain", "--sessions", tmp_path / "sessions.sqlite")
    assert done == code, out
    assert "\x1b" not in out
    return out.splitlines()


def command(*words: str | Path) -> tuple[int, str, str]:
    """Run ``clinic`` in this process; returns exit code, standard output and standard error."""
    out, problems = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(problems):
        try:
            main.main([str(word) for word in words])
        except SystemExit as end:
            return int(end.code or 0), out.getvalue(), problems.getvalue()
    raise AssertionError("a command ends with an exit code")


@contextmanager
def standard_input(text: str) -> Iterator[None]:
    """Put ``text`` where a process reads its standard input."""
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        before = os.dup(0)
        os.dup2(file.fileno(), 0)
        try:
            yield
        finally:
            os.dup2(before, 0)
            os.close(before)


def in_a_process(tmp_path: Path, commands: str, *words: str | Path) -> list[str]:
    """Run ``clinic step --plain`` as a shell would."""
    done = subprocess.run(
        [*COMMAND, "step", *map(str, words), "--plain", "--sessions", str(tmp_path / "sessions.sqlite")],
        cwd=ROOT, input=commands, capture_output=True, text=True, check=False, timeout=120,
    )
    assert done.returncode == 0 and not done.stderr, (done.stdout, done.stderr)
    return done.stdout.splitlines()


def said(lines: list[str], branch: str = "main") -> list[tuple[int, str, str]]:
    """Return number, role and words of a branch's turns."""
    found = [TURN.fullmatch(line) for line in lines]
    return [(int(one[2]), one[3], one[4]) for one in found if one and one[1] == branch]


def records(path: Path) -> dict[str, dict[str, Any]]:
    """Return exported consultations by doctor, timings set aside."""
    lines = [without_timings(json.loads(line)) for line in path.read_text("utf-8").splitlines()]
    return {line["key"]["doctor"]: line for line in lines}


def write_batch(tmp_path: Path, **changes: Any) -> Path:
    path = tmp_path / "batch.yaml"
    batch = {
        "name": "stepped", "cases": [{"library": "en", "limit": 1}], "seed": 5, "max_turns": 2,
        "doctors": {"fake": {"backend": "scripted-doctor", "lines": ["Where does it hurt?", "Please rest."]}},
        "patient": {"backend": "scripted-patient", "lines": ["It hurts.", "Here."]}, **changes,
    }
    path.write_text(yaml.safe_dump(batch, allow_unicode=True), "utf-8")
    return path


@pytest.mark.parametrize("language", ["zh", "en"])
def test_stepped_rewound_forked_and_exported_branches_differ_only_from_the_fork_on(
    tmp_path: Path, language: str
) -> None:
    out = tmp_path / "branches.jsonl"
    go = in_a_process if language == "zh" else step
    lines = go(
        tmp_path, f"""
        next
        n
        next
        # the patient's second answer is taken back
        rewind 2
        fork --doctor checklist --name other
        run
        branch main
        run
        export {out}
        """, BATCH, "--case", CASES[language].id,
    )
    both = records(out)
    first, other = both["history-taker"], both["checklist"]
    assert [t["text"] for t in first["turns"][:2]] == [text for _, _, text in said(lines)][:2]
    assert first["turns"][:2] == other["turns"][:2], "the same words, by the same speakers, up to the fork"
    assert first["turns"][2]["role"] == other["turns"][2]["role"] == "patient"
    assert [t["text"] for t in first["turns"][3:]] != [t["text"] for t in other["turns"][3:]]
    assert {t["backend"] for t in other["turns"][2:] if t["role"] == "doctor"} == {"checklist"}
    assert first["stop_reason"] != "failed" != other["stop_reason"]
    differing = {name for name in first if first[name] != other[name]}
    assert differing <= {"key", "turns", "stop_reason"}
    assert {name for name in first["key"] if first["key"][name] != other["key"][name]} == {
        "doctor", "trial", "config_hash"}
    assert [line for line in lines if line.startswith("= ")][-1].startswith("= main: ")


def test_the_words_are_those_of_the_batchs_first_trial(tmp_path: Path) -> None:
    run = tmp_path / "run"
    case = CASES["zh"].id
    assert command("run", BATCH, "--out", run, "--only", case, "--trials", "1", "--no-report")[0] == 0
    batch = records(run / "consultations.jsonl")
    for doctor in ("history-taker", "one-shot"):
        out = tmp_path / f"{doctor}.jsonl"
        step(tmp_path, f"run\njudge\nexport {out}\n", BATCH, "--case", case, "--doctor", doctor)
        stepped = records(out)[doctor]
        assert stepped["turns"] == batch[doctor]["turns"]
        assert stepped["key"]["seed"] == batch[doctor]["key"]["seed"]
        assert stepped["metrics"] == batch[doctor]["metrics"] and stepped["scored"]


@pytest.mark.parametrize("seed", [None, 7])
def test_the_seed_is_that_of_the_plan(seed: int | None) -> None:
    plan = prepare(BATCH, {"seed": seed}).plan.narrowed((CASES["en"].id,), ("checklist",))
    key, case = next(plan.jobs())
    begun = offer(Order(BATCH, case=case.id, doctor="checklist", seed=seed))
    assert begun.casting.seed == key.seed and begun.case == case


def test_a_password_is_not_repeated() -> None:
    assert shown_place("postgresql://me:se:cret@host:5432/db?x=1") == "postgresql://me:***@host:5432/db?x=1"
    assert shown_place("postgresql://host/db") == "postgresql://host/db" and shown_place("a/b.sqlite") == "a/b.sqlite"


def test_another_day_another_process_the_session_goes_on(tmp_path: Path) -> None:
    first = step(tmp_path, "n\nn\n", write_batch(tmp_path))
    again = re.search(r"clinic step --session (\w+)", first[-1])
    assert again
    second = step(tmp_path, "run\n", "--session", again[1])
    assert [text for _, _, text in said(second)] == ["It hurts.", "Where does it hurt?", "Here.", "Please rest."]
    newest = step(tmp_path, "show\n", "--resume")
    assert [number for number, _, _ in said(newest)] == [1, 2, 3, 4] * 2, "shown at the start and by `show`"
    assert any("over (max turns)" in line for line in newest)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_person_is_doctor_orders_examinations_and_never_sees_the_record(tmp_path: Path, language: str) -> None:
    case = CASES[language]
    assert case.diagnosis and case.findings
    hello = {"zh": "您好，什么时候开始的？", "en": "Hello, since when?"}[language]
    order = {"zh": "还有别的不舒服吗？", "en": "What else?"}[language]
    wanted = case.findings[0].name
    lines = step(
        tmp_path, f"next\n{hello}\nnext\nexam {wanted}\nnext\nsay {order}\nnext\n", BATCH, "--case", case.id,
        "--doctor", "human",
    )
    turns = said(lines)
    assert [role for _, role, _ in turns] == [
        "patient", "doctor", "patient", "doctor", "examiner", "patient", "doctor", "patient"]
    assert turns[1][2] == hello and turns[6][2] == order
    assert wanted in turns[3][2] and case.findings[0].result.rstrip("。.")[:12] in turns[4][2]
    before = "\n".join(lines[:lines.index(f"[main 1 patient] {turns[0][2]}")])
    assert case.diagnosis.name not in before and case.title not in before and case.chief_complaint not in before


def test_a_person_is_patient_and_leaves(tmp_path: Path) -> None:
    lines = step(
        tmp_path, "I have a cough.\nnext\npatient: Since Tuesday.\nn\nend Goodbye, doctor.\n",
        write_batch(tmp_path, max_turns=5), "--patient", "human",
    )
    assert [text for _, role, text in said(lines) if role == "patient"] == [
        "I have a cough.", "Since Tuesday.", "Goodbye, doctor."]
    assert "= main: 5 turns; over (farewell)" in lines
    assert any(line.startswith("* you know: ") for line in lines), "who plays a patient is told what it knows"


def test_turns_are_rewritten_taken_over_recast_labelled_and_judged(tmp_path: Path) -> None:
    lines = step(
        tmp_path, """\
        run
        edit 2 Does it hurt at night?
        show
        n
        cast doctor one-shot
        doctor: Since when, exactly?
        label night pain
        judge
        fork 1 --persona recall=low,personality=talkative --seed 9 --name tired
        branches
        """, write_batch(tmp_path),
    )
    text = "\n".join(lines)
    assert "[main 2 doctor] Does it hurt at night?" in lines
    assert "[main 4 doctor] Since when, exactly?" in lines
    assert "* one-shot is the doctor from here on" in lines
    assert "* judge rubric: " in text and "total" in text
    assert re.search(r"\* main: one-shot · 4 turns · over \(max turns\) · [\d.]+ of 100 · “night pain”", text)
    assert re.search(r"\*   tired: from turn 1 · one-shot · 1 turn · the doctor is next <- here", text)


def test_the_first_failed_command_ends_a_script_with_exit_code_2(tmp_path: Path) -> None:
    batch = write_batch(tmp_path)
    lines = step(tmp_path, "n\nrewind 9\nn\n", batch, code=2)
    assert "error: there is no turn 9: 1 turn was spoken" in lines and len(said(lines)) == 1
    going_on = step(tmp_path, "n\nrewind 9\nn\n", batch, "--keep-going", code=2)
    assert "error: there is no turn 9: 1 turn was spoken" in going_on and len(said(going_on)) == 2


@pytest.mark.parametrize(("commands", "words"), [
    ("nxet\n", "Did you mean 'next'?"),
    ("fork --doctor histry-taker\n", "Did you mean 'history-taker'?"),
    ("n\nfork --persona recal=low\n", "Did you mean 'recall'?"),
    ("n\nfork --persona recall=bad\n", "Choices: low, normal"),
    ("n\nfork --name ../up\n", "is no name for a branch"),
    ("branch nowhere\n", "Choices: main"),
    ("say\n", "usage: say TEXT"),
    ("edit two x\n", "usage: edit K TEXT"),
    ("doctor: hello\n", "it is not the doctor's turn: the patient is next"),
    ("export x --format xml\n", "Choices: jsonl, run, sharegpt"),
    ("judge\n", "nothing has been said yet"),
])
def test_a_wrong_command_says_what_is_right(tmp_path: Path, commands: str, words: str) -> None:
    lines = step(tmp_path, commands, write_batch(tmp_path), code=2)
    assert any(line.startswith("error: ") and words in line for line in lines), lines


def test_prompts_are_shown_but_not_the_record_to_a_doctor_who_is_a_person(tmp_path: Path) -> None:
    with FaultServer(models=("good",)) as server:
        doctor = {"backend": "chat", "model": "good", "base_url": server.url}
        patient = {"backend": "llm", "model": "good", "base_url": server.url}
        batch = write_batch(tmp_path, doctors={"chatty": doctor}, patient=patient)
        lines = step(tmp_path, "doctor: hi\npatient: My chest is tight.\nn\nprompt\nprompt 1\n", batch,
                     "--keep-going", code=2)
        case = CASES["en"]
        sent = next(body for body in server.requests if body["messages"][-1]["content"] == "My chest is tight.")
        blind = step(tmp_path, "n\nprompt 1\n", batch, "--doctor", "human", code=2)
    assert case.diagnosis
    assert [f"* {one['role']}: {in_one_line(one['content'])}" for one in sent["messages"]] == [
        line for line in lines if line.startswith(("* system: ", "* user: "))]
    assert any("a person spoke as the patient" in line for line in lines if line.startswith("* "))
    assert any(line.startswith("error: what the patient was asked holds the record") for line in blind)


def test_wrong_words_on_the_command_line_are_usage_errors(tmp_path: Path) -> None:
    place = ("--plain", "--sessions", tmp_path / "sessions.sqlite")
    for words, told in (
        ((BATCH, "--case", CASES["zh"].id[:-1]), f"Did you mean '{CASES['zh'].id}'?"),
        ((BATCH, "--case", CASES["zh"].id, "--doctor", "one-shoot"), "Did you mean 'one-shot'?"),
        ((BATCH,), "choose one with --case"),
        (("--session", "nobody"), "unknown session 'nobody'"),
        (("--resume", "--doctor", "human"), "leave out FILE"),
    ):
        code, _, problem = command("step", *words, *place)
        assert code == 2 and told in " ".join(problem.split()), (words, problem)


def test_without_plain_there_must_be_a_terminal(tmp_path: Path) -> None:
    place = tmp_path / "sessions.sqlite"
    for words, told in (
        (("--keep-going",), "--keep-going is for --plain"), ((), "this is no terminal to type in: add --plain"),
    ):
        code, _, problem = command("step", *words, "--case", CASES["zh"].id, "--sessions", place)
        assert code == 2 and told in " ".join(problem.split())
    assert not place.exists()


def test_what_a_patient_says_cannot_steer_the_terminal(tmp_path: Path) -> None:
    evil = "\x1b[2Jgone\x1b]8;;http://evil\x07click\x1b]8;;\x07 \x9b31m\u202eabc\r\nback\\slash"
    lines = step(tmp_path, "n\nn\nbranches\n", write_batch(
        tmp_path, patient={"backend": "scripted-patient", "lines": [evil]},
        doctors={"fake": {"backend": "scripted-doctor", "lines": [evil]}},
    ))
    for _, _, text in said(lines):
        assert text == (
            r"\x1b[2Jgone\x1b]8;;http://evil\x07click\x1b]8;;\x07 \x9b31m\u202eabc\r\nback\\slash")
    assert len(said(lines)) == 2


def test_a_program_may_drive_it_line_by_line_and_interrupt_it(tmp_path: Path) -> None:
    driven = subprocess.Popen(
        [*COMMAND, "step", str(write_batch(tmp_path)), "--plain", "--sessions", str(tmp_path / "sessions.sqlite")],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    assert driven.stdin and driven.stdout and driven.stderr
    try:
        for waited in ("= main: nothing said yet; the patient is next", "= main: 1 turn; the doctor is next"):
            while (line := driven.stdout.readline().rstrip("\n")) != waited:
                assert line, driven.stderr.read()
            driven.stdin.write("next\n")
            driven.stdin.flush()
        assert driven.stdout.readline() == "[main 2 doctor] Where does it hurt?\n"
        assert driven.stdout.readline() == "= main: 2 turns; the patient is next\n"
        driven.send_signal(signal.SIGINT)
        assert driven.wait(30) == 130
        assert "Traceback" not in driven.stderr.read()
    finally:
        driven.kill()
        driven.communicate()
