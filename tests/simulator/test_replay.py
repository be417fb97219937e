"""A run's model replies are kept, so that judges and reports can be developed on them without a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agents.llm.tape import current_tape, on_tape
from scenarios.errors import RunFolderError
from simulator.tape import REPLIES, RunTape
from tests.fault_server import FaultServer
from tests.simulator.model_batch import clinic, lines, model_batch, ok, words_said


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a batch and its run; the server is gone."""
    folder = tmp_path_factory.mktemp("recorded")
    with FaultServer() as server:
        ok("run", model_batch(folder, server.url), "--out", folder / "run", "--no-report")
        assert len(lines(folder / "run" / REPLIES)) == len(server.requests)
    return folder


def changed(folder: Path, to: Path, old: str, new: str) -> Path:
    to.mkdir(parents=True, exist_ok=True)
    (to / "cases.yaml").write_bytes((folder / "cases.yaml").read_bytes())
    text = (folder / "batch.yaml").read_text()
    assert old in text
    (to / "batch.yaml").write_text(text.replace(old, new))
    return to / "batch.yaml"


def test_a_replay_says_the_same_words_without_a_server(recorded: Path, tmp_path: Path) -> None:
    said = ok("run", recorded / "batch.yaml", "--replay", recorded / "run", "--out", tmp_path / "again", "--no-report")
    assert words_said(tmp_path / "again") == words_said(recorded / "run")
    assert "nothing was asked" in said
    assert json.loads((tmp_path / "again" / "run.json").read_text())["replay_of"] == str(recorded / "run")


def test_a_replay_can_be_replayed(recorded: Path, tmp_path: Path) -> None:
    ok("run", recorded / "batch.yaml", "--replay", recorded / "run", "--out", tmp_path / "b", "--no-report")
    ok("run", recorded / "batch.yaml", "--replay", tmp_path / "b", "--out", tmp_path / "c", "--no-report")
    assert words_said(tmp_path / "c") == words_said(recorded / "run")


def test_another_server_or_more_patience_is_the_same_request(recorded: Path, tmp_path: Path) -> None:
    batch = changed(recorded, tmp_path, "patience_s: 0.5", "patience_s: 7")
    ok("run", batch, "--replay", recorded / "run", "--out", tmp_path / "again", "--no-report")
    assert [one["turns"] for one in words_said(tmp_path / "again")] == [
        one["turns"] for one in words_said(recorded / "run")
    ]


def test_what_was_not_recorded_is_a_named_failure_and_counted(recorded: Path, tmp_path: Path) -> None:
    batch = changed(recorded, tmp_path, "temperature: 0.1", "temperature: 0.2")
    said = ok("run", batch, "--replay", recorded / "run", "--out", tmp_path / "again", "--no-report")
    failures = [f for one in lines(tmp_path / "again" / "consultations.jsonl") for f in one["failures"]]
    assert {(f["owner"], f["kind"]) for f in failures} == {("infrastructure", "not_recorded")}
    told = " ".join(said.split())
    assert f"{len(failures)} model calls are not recorded" in told
    assert "batch.doctors.quick.temperature" in told, "what differs is named"
    careful = [one for one in lines(tmp_path / "again" / "consultations.jsonl") if one["key"]["doctor"] == "careful"]
    assert not any(one["failures"] for one in careful), "the other doctor's replies are all there"


def test_a_run_is_judged_again_from_its_own_replies(recorded: Path, tmp_path: Path) -> None:
    ok("judge", recorded / "run", "--replay", recorded / "run", "--out", tmp_path / "judged")
    assert words_said(tmp_path / "judged") == words_said(recorded / "run")
    assert len(lines(tmp_path / "judged" / REPLIES)) == 6


def test_judging_again_records_the_judges_replies(recorded: Path, tmp_path: Path) -> None:
    with FaultServer() as server:
        judges = {"backend": "llm", "model": "good", "base_url": server.url}
        batch = model_batch(tmp_path, server.url, judges=[judges])
        ok("judge", recorded / "run", "--judges-from", batch, "--out", tmp_path / "judged")
        assert len(lines(tmp_path / "judged" / REPLIES)) == len(server.requests) == 6
    ok("judge", tmp_path / "judged", "--replay", tmp_path / "judged", "--out", tmp_path / "twice")
    assert words_said(tmp_path / "twice") == words_said(tmp_path / "judged")


@pytest.mark.parametrize("more", [["--budget", "1M"], ["--engine", "ray"]])
def test_a_replay_takes_no_budget_and_no_cluster(recorded: Path, tmp_path: Path, more: list[str]) -> None:
    refused = clinic("run", recorded / "batch.yaml", "--replay", recorded / "run", "--out", tmp_path / "again", *more)
    assert refused.exit_code == 2 and not (tmp_path / "again").exists()


def test_a_run_without_replies_cannot_be_replayed(recorded: Path, tmp_path: Path) -> None:
    batch = model_batch(tmp_path, "http://127.0.0.1:9/v1", cases=1, doctors={"a": {"backend": "checklist"}},
                        patient={"backend": "agenda"}, judges=[{"backend": "rubric"}])
    ok("run", batch, "--out", tmp_path / "plain", "--no-report")
    refused = clinic("run", batch, "--replay", tmp_path / "plain", "--out", tmp_path / "again")
    assert refused.exit_code == 2 and "no model was asked" in refused.output
    assert clinic("run", batch, "--replay", tmp_path / "nothing", "--out", tmp_path / "again").exit_code == 2
    assert "itself" in clinic("run", batch, "--replay", recorded / "run", "--out", recorded / "run", "--resume").output


def test_the_replies_hold_no_request_and_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY_OF_TEST", "sk-very-secret")
    with FaultServer(key="sk-very-secret") as server:
        batch = model_batch(tmp_path, server.url, cases=1, key="SECRET_KEY_OF_TEST")
        ok("run", batch, "--out", tmp_path / "run")
    for path in (tmp_path / "run").iterdir():
        assert b"sk-very-secret" not in path.read_bytes(), path.name
    assert set(lines(tmp_path / "run" / REPLIES)[0]) == {"request", "reply"}


def test_the_last_reply_to_a_request_is_the_one_that_counts(tmp_path: Path, recorded: Path) -> None:
    tape = RunTape(tmp_path)
    for text in ("lost with its turn", "in the journal"):
        tape.keep("same", {"text": text})
    tape.close()
    (tmp_path / "run.json").write_bytes((recorded / "run" / "run.json").read_bytes())
    with (tmp_path / REPLIES).open("ab") as file:
        file.write(b'{"request": "torn')
    replay = RunTape(tmp_path / "new", tmp_path)
    (tmp_path / "new").mkdir()
    assert replay.find("same") == {"text": "in the journal"}
    assert replay.find("torn") is None and replay.missing == 1
    replay.close()


def test_a_broken_line_is_named(tmp_path: Path, recorded: Path) -> None:
    (tmp_path / "run.json").write_bytes((recorded / "run" / "run.json").read_bytes())
    (tmp_path / REPLIES).write_text('{"request": "a", "reply": {}}\n[]\n')
    with pytest.raises(RunFolderError, match=r"replies\.jsonl:2"):
        RunTape(tmp_path / "new", tmp_path)


def test_a_tape_is_seen_inside_and_gone_outside(tmp_path: Path) -> None:
    tape = RunTape(tmp_path)
    with on_tape(tape):
        assert current_tape() is tape
    assert current_tape() is None
