"""Comparing stored runs with a referee behind a real server: what is compared, resumed, refused, and shown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from scenarios.errors import InputError, RunFolderError
from scenarios.schema import BackendRef, Case
from simulator.cli import main
from simulator.pairing import PairTally, pair_runs, referee_of
from simulator.pairing_figures import pairwise_part
from simulator.pairing_store import PAIRINGS, REFEREE, read_pairings
from simulator.shelf import Shelf
from simulator.summary import build_summary
from tests.fault_server import Answer, FaultServer, broken
from tests.referee_models import referee_rule
from tests.simulator.report_run import write_run

DOCTORS = ("history-taker", "checklist", "one-shot")


@pytest.fixture()
def wrong() -> list[Answer]:
    """What the server answers first."""
    return []


@pytest.fixture()
def server(wrong: list[Answer]) -> Iterator[FaultServer]:
    with FaultServer(rule=referee_rule(before=wrong)) as running:
        yield running


def referee(server: FaultServer, **options: Any) -> BackendRef:
    given = {"model": "good", "base_url": server.url, "retries": 0, "rereads": 0, "patience_s": 0, **options}
    return BackendRef(backend="pairwise", **given)


def compare(folder: Path, server: FaultServer, **options: Any) -> PairTally:
    return pair_runs((folder,), folder, referee(server, **options))


def test_every_two_doctors_meet_on_every_case_and_trial_that_both_held_and_that_is_scored(
    folder: Path, six_cases: tuple[Case, ...], server: FaultServer
) -> None:
    records = write_run(folder, six_cases[:3])
    scored = {(r.key.case, r.key.trial, r.key.doctor) for r in records if r.scored}
    expected = {
        (case.id, trial, a, b) for case in six_cases[:3] for trial in (0, 1) for a, b in combinations(DOCTORS, 2)
        if {(case.id, trial, a), (case.id, trial, b)} <= scored
    }
    tally = compare(folder, server)
    assert set(read_pairings(folder)) == expected
    assert (tally.compared, tally.unparsed, tally.failures) == (len(expected), 0, Counter())
    assert len(server.requests) == 2 * len(expected), "each in both orders"


def test_who_talks_longer_wins_in_both_orders_when_the_referee_says_so(
    folder: Path, six_cases: tuple[Case, ...], server: FaultServer
) -> None:
    records = {(r.key.case, r.key.doctor, r.key.trial): len(r.turns) for r in write_run(folder, six_cases[:2])}
    compare(folder, server)
    for name, pairing in read_pairings(folder).items():
        a, b = (records[name.case, doctor, name.trial] for doctor in (name.doctor_a, name.doctor_b))
        assert pairing.preference.winner == ("tie" if a == b else "a" if a > b else "b")
        assert pairing.preference.consistent


def test_what_was_compared_is_not_compared_again(
    folder: Path, six_cases: tuple[Case, ...], server: FaultServer
) -> None:
    write_run(folder, six_cases[:2])
    first = compare(folder, server)
    lines = (folder / PAIRINGS).read_bytes().splitlines(keepends=True)
    (folder / PAIRINGS).write_bytes(b"".join(lines[:3]) + lines[3][:40])
    server.requests.clear()
    again = compare(folder, server)
    assert (again.already, again.compared) == (3, first.compared - 3)
    assert len(server.requests) == 2 * again.compared
    assert len(read_pairings(folder)) == first.compared
    third = compare(folder, server, timeout_s=55.0)
    assert (third.already, third.compared) == (first.compared, 0), "patience does not change a referee"


def test_a_changed_referee_is_refused_and_the_message_says_what_to_do(
    folder: Path, six_cases: tuple[Case, ...], server: FaultServer
) -> None:
    write_run(folder, six_cases[:1])
    compare(folder, server)
    with pytest.raises(RunFolderError, match=r"different: fingerprint, referee\. Choose another --out"):
        compare(folder, server, rubric="safety")
    other = folder.with_name("other")
    pair_runs((folder,), other, referee(server, rubric="safety"))
    assert len(read_pairings(other)) == len(read_pairings(folder))


def test_a_comparison_that_a_server_spoiled_is_kept_and_repeated_next_time(
    folder: Path, six_cases: tuple[Case, ...], server: FaultServer, wrong: list[Answer]
) -> None:
    write_run(folder, six_cases[:1], doctors=DOCTORS[:2], trials=1, seed=8)
    wrong.append(broken(500))
    first = compare(folder, server, max_concurrency=1)
    assert first.failures == Counter({"infrastructure: server_error": 1})
    spoiled = [one for one in read_pairings(folder).values() if one.failures]
    assert [one.preference.parsed for one in spoiled] == [False]
    assert build_summary(folder)["pairwise"]["unparsed"] == 1
    again = compare(folder, server)
    assert again.compared == 1
    assert all(not one.failures for one in read_pairings(folder).values())
    assert build_summary(folder)["pairwise"]["unparsed"] == 0


def test_an_answer_that_cannot_be_read_is_counted_and_not_asked_for_again(
    folder: Path, six_cases: tuple[Case, ...], server: FaultServer, wrong: list[Answer]
) -> None:
    write_run(folder, six_cases[:1], doctors=DOCTORS[:2], trials=1, seed=8)
    wrong.append(Answer(text="I prefer the first one."))
    tally = compare(folder, server)
    assert (tally.unparsed, tally.failures.total()) == (1, 1)
    assert next(iter(tally.failures)).startswith("judge: ")
    assert compare(folder, server).compared == 0
    figures = build_summary(folder)["pairwise"]
    assert (figures["n"], figures["unparsed"], figures["pairs"]) == (1, 1, [])


def test_doctors_of_two_runs_meet_across_the_runs_only(
    tmp_path: Path, six_cases: tuple[Case, ...], server: FaultServer
) -> None:
    one, two, out = tmp_path / "monday", tmp_path / "tuesday", tmp_path / "both"
    write_run(one, six_cases[:3], doctors=("checklist", "one-shot"), trials=1)
    changed = six_cases[1].model_copy(update={"title": "another title"})
    write_run(two, (six_cases[0], changed, six_cases[4]), doctors=("history-taker",), trials=2)
    tally = pair_runs((one, two), out, referee(server))
    found = read_pairings(out)
    assert {(name.doctor_a, name.doctor_b) for name in found} <= {
        ("monday/checklist", "tuesday/history-taker"), ("monday/one-shot", "tuesday/history-taker")}
    assert {name.case for name in found} == {six_cases[0].id}
    assert set(tally.left_out) == {six_cases[1].id, six_cases[2].id, six_cases[4].id}
    assert "content differs" in tally.left_out[six_cases[1].id]
    assert json.loads((out / REFEREE).read_text())["runs"].keys() == {"monday", "tuesday"}


def test_two_runs_of_one_name_stay_apart(tmp_path: Path, six_cases: tuple[Case, ...]) -> None:
    for place in ("a", "b"):
        write_run(tmp_path / place / "run", six_cases[:1], doctors=("checklist",), trials=1, seed=8)
    shelf = Shelf.of((tmp_path / "a" / "run", tmp_path / "b" / "run"))
    assert shelf.doctors == ("run-1/checklist", "run-2/checklist")


def test_one_doctor_leaves_nothing_to_compare(folder: Path, six_cases: tuple[Case, ...], server: FaultServer) -> None:
    write_run(folder, six_cases[:1], doctors=("checklist",))
    with pytest.raises(InputError, match="nothing to compare"):
        compare(folder, server)
    assert not (folder / REFEREE).exists()


def test_without_comparisons_a_summary_says_nothing_of_them(folder: Path, six_cases: tuple[Case, ...]) -> None:
    write_run(folder, six_cases[:1])
    assert "pairwise" not in build_summary(folder)


def test_summary_terminal_and_report_show_the_comparisons(
    folder: Path, six_cases: tuple[Case, ...], server: FaultServer
) -> None:
    write_run(folder, six_cases[:4], hostile=True)
    compare(folder, server)
    figures = build_summary(folder)["pairwise"]
    assert figures["doctors"] == list(DOCTORS)
    assert [one["doctor"] for one in figures["ranking"]["standings"]][0] == "history-taker"
    assert figures["position"]["inconsistent"]["mean"] == 0.0
    assert set(figures["dimensions"]) == {
        "comprehension", "inquiry", "diagnosis", "treatment", "communication", "spoken"}
    shown = CliRunner().invoke(main, ["report", str(folder)])
    assert shown.exit_code == 0, shown.output
    assert "Compared by the referee" in shown.output
    assert "Ranking by the referee" in shown.output
    page = (folder / "report.html").read_text()
    assert 'id="pairwise"' in page
    assert page.count("<h2>Compared by a referee</h2>") == 1
    assert "Davidson" in page
    assert json.loads((folder / "summary.json").read_text())["pairwise"] == figures


def test_a_doctors_name_cannot_break_the_page(folder: Path, six_cases: tuple[Case, ...], server: FaultServer) -> None:
    write_run(folder, six_cases[:1], doctors=("<b>x</b>", "[red]y", "z"), trials=1, seed=3)
    compare(folder, server)
    shown = CliRunner().invoke(main, ["report", str(folder)])
    assert shown.exit_code == 0, shown.output
    assert "[red]y" in shown.output
    assert "<b>x</b>" not in (folder / "report.html").read_text()


def test_the_command_compares_and_goes_on(folder: Path, six_cases: tuple[Case, ...], server: FaultServer) -> None:
    write_run(folder, six_cases[:2])
    batch = folder.with_name("batch.yaml")
    batch.write_text(
        f"name: b\ncases: [{{library: en, limit: 1}}]\ndoctors: {{d: {{backend: one-shot}}}}\n"
        f"referee: {{backend: pairwise, model: good, base_url: '{server.url}'}}\n"
    )
    call = ["pair", str(folder), "--referee-from", str(batch)]
    first = CliRunner().invoke(main, call)
    assert first.exit_code == 0, first.output
    made = len(read_pairings(folder))
    assert f"{made} comparisons made." in first.output
    again = CliRunner().invoke(main, call)
    assert f"0 comparisons made, {made} finished before." in again.output
    printed = CliRunner().invoke(main, [*call, "--json"])
    assert json.loads(printed.stdout) == pairwise_part(folder, DOCTORS)["pairwise"]


def test_two_runs_are_compared_into_a_folder_beside_the_first(
    tmp_path: Path, six_cases: tuple[Case, ...], server: FaultServer
) -> None:
    batch = tmp_path / "batch.yaml"
    batch.write_text(
        f"name: b\ncases: [{{library: en, limit: 1}}]\ndoctors: {{d: {{backend: one-shot}}}}\n"
        f"referee: {{backend: pairwise, model: good, base_url: '{server.url}'}}\n"
    )
    for name, doctor in (("one", "checklist"), ("two", "one-shot")):
        write_run(tmp_path / name, six_cases[:2], doctors=(doctor,), trials=1, seed=8)
    call = ["pair", str(tmp_path / "one"), str(tmp_path / "two"), "--referee-from", str(batch)]
    done = CliRunner().invoke(main, call)
    assert done.exit_code == 0, done.output
    figures = json.loads((tmp_path / "one-vs-two" / "pairwise.json").read_text())
    assert figures["doctors"] == ["one/checklist", "two/one-shot"]


def test_no_referee_anywhere_is_explained(folder: Path, six_cases: tuple[Case, ...], tmp_path: Path) -> None:
    write_run(folder, six_cases[:1])
    done = CliRunner().invoke(main, ["pair", str(folder)])
    assert done.exit_code == 2
    assert "--referee-from" in done.output
    batch = tmp_path / "batch.yaml"
    lines = "name: b\ncases: [{library: en, limit: 1}]\ndoctors: {d: {backend: one-shot}}\n"
    batch.write_text(lines)
    with pytest.raises(InputError, match="names no referee"):
        referee_of({}, batch)
    batch.write_text(f"{lines}referee: {{backend: pairwise}}\n")
    with pytest.raises(InputError, match=r"batch\.yaml:4.*model"):
        referee_of({}, batch)


def test_a_batch_with_a_referee_is_compared_when_it_has_run(tmp_path: Path, server: FaultServer) -> None:
    batch, out = tmp_path / "batch.yaml", tmp_path / "run"
    batch.write_text(
        "name: b\ncases: [{library: en, limit: 2}]\n"
        "doctors: {list: {backend: checklist}, quick: {backend: one-shot}}\n"
        f"referee: {{backend: pairwise, model: good, base_url: '{server.url}'}}\nmax_turns: 2\n"
    )
    done = CliRunner().invoke(main, ["run", str(batch), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert len(read_pairings(out)) == 2
    assert "Compared by the referee" in done.output
    server.requests.clear()
    again = CliRunner().invoke(main, ["run", str(batch), "--out", str(out), "--resume"])
    assert again.exit_code == 0, again.output
    replayed = CliRunner().invoke(main, ["run", str(batch), "--out", str(tmp_path / "copy"), "--replay", str(out)])
    assert replayed.exit_code == 0, replayed.output
    assert read_pairings(tmp_path / "copy") == read_pairings(out)
    assert server.requests == [], "nothing was asked twice"


def test_a_referee_that_cannot_be_reached_leaves_the_run_its_summary(tmp_path: Path) -> None:
    batch, out = tmp_path / "batch.yaml", tmp_path / "run"
    batch.write_text(
        "name: b\ncases: [{library: en, limit: 1}]\n"
        "doctors: {list: {backend: checklist}, quick: {backend: one-shot}}\nmax_turns: 2\n"
        "referee: {backend: pairwise, model: good, base_url: 'http://127.0.0.1:9/v1', patience_s: 0}\n"
    )
    done = CliRunner().invoke(main, ["run", str(batch), "--out", str(out), "--no-preflight"])
    assert done.exit_code == 2
    assert "127.0.0.1:9" in done.output
    assert json.loads((out / "summary.json").read_text())["consultations"]["finished"] == 2
