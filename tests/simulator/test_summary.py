"""summary.json and compare: what is counted, what is left out, and that order and repetition change nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from scenarios.errors import RunFolderError
from scenarios.schema import Case, Consultation
from simulator.compare import compare_runs, summary_tables
from simulator.store import CONSULTATIONS, RUN
from simulator.summary import build_summary, write_summary
from simulator.table import MetricTable
from tests.simulator.report_run import write_run


def rewrite(folder: Path, records: list[Consultation]) -> None:
    (folder / CONSULTATIONS).write_text("".join(record.model_dump_json() + "\n" for record in records))


def test_a_doctors_mean_is_the_mean_over_cases_of_scored_consultations(
    folder: Path, six_cases: tuple[Case, ...]
) -> None:
    records = write_run(folder, six_cases)
    figure = build_summary(folder)["doctors"]["checklist"]["metrics"]["total"]
    scored = [r for r in records if r.key.doctor == "checklist" and r.scored]
    by_case = {r.key.case: [s.metrics["total"] for s in scored if s.key.case == r.key.case] for r in scored}
    assert figure["mean"] == pytest.approx(np.mean([np.mean(values) for values in by_case.values()]), abs=1e-6)
    assert figure["n"] == len(scored)
    assert figure["ci95"][0] < figure["mean"] < figure["ci95"][1]


def test_what_the_patient_spoiled_is_counted_but_not_scored(folder: Path, six_cases: tuple[Case, ...]) -> None:
    records = write_run(folder, six_cases)
    before = build_summary(folder)
    spoiled = next(i for i, r in enumerate(records) if not r.scored)
    records[spoiled] = records[spoiled].model_copy(update={"metrics": {"total": 0.0}})
    rewrite(folder, records)
    after = build_summary(folder)
    assert after["doctors"] == before["doctors"]
    assert after["consultations"]["finished"] == len(records)
    assert after["consultations"]["scored"] == sum(r.scored for r in records) < len(records)
    count = sum(not r.scored for r in records)
    assert after["failures"] == [{"owner": "patient", "kind": "contradiction", "count": count}]


def test_the_order_in_which_consultations_ended_is_no_matter(folder: Path, six_cases: tuple[Case, ...]) -> None:
    records = write_run(folder, six_cases)
    first = write_summary(folder)
    rewrite(folder, records[::-1])
    assert write_summary(folder) == first
    assert json.loads((folder / "summary.json").read_text()) == first


def test_pairs_use_the_cases_that_both_doctors_have(folder: Path, six_cases: tuple[Case, ...]) -> None:
    records = [r for r in write_run(folder, six_cases) if not (
        r.key.doctor == "one-shot" and r.key.case == six_cases[0].id
    )]
    rewrite(folder, records)
    rows = {(r["a"], r["b"], r["metric"]): r for r in build_summary(folder)["paired"]}
    assert len({pair[:2] for pair in rows}) == 3
    assert rows["history-taker", "checklist", "total"]["n_cases"] == 6
    row = rows["history-taker", "one-shot", "total"]
    assert row["n_cases"] == 5 == row["wins"] + row["ties"] + row["losses"]
    assert row["p"] == pytest.approx(2 / 2**5)
    assert row["p_holm"] >= row["p"]


def test_pass_rates_count_diagnosis_and_coverage(folder: Path, six_cases: tuple[Case, ...]) -> None:
    records = write_run(folder, six_cases[:2], doctors=("checklist",))
    won = {(six_cases[0].id, 0), (six_cases[0].id, 1), (six_cases[1].id, 0)}
    rewrite(folder, [r.model_copy(update={"scored": True, "metrics": {
        "diagnosis_top1": 1.0, "coverage": 0.5 if (r.key.case, r.key.trial) in won else 0.49,
    }}) for r in records])
    rates = build_summary(folder)["doctors"]["checklist"]["pass"]
    assert rates == {"at_1": 0.75, "at_k": 1.0, "hat_k": 0.5, "k": 2, "n_cases": 2}


def test_a_metric_that_a_consultation_lacks_is_missing_and_not_zero(folder: Path, six_cases: tuple[Case, ...]) -> None:
    records = write_run(folder, six_cases)
    rewrite(folder, [r.model_copy(update={"metrics": {k: v for k, v in r.metrics.items() if k != "coverage"}})
                     if r.key.case == six_cases[0].id else r for r in records])
    table = MetricTable.read(folder)
    means = table.case_means("checklist", "coverage")
    assert np.isnan(means).sum() == 1
    assert build_summary(folder)["doctors"]["checklist"]["metrics"]["coverage"]["n_cases"] == 5


@pytest.mark.parametrize("keep", [0, 1])
def test_an_unfinished_run_has_a_summary_too(folder: Path, six_cases: tuple[Case, ...], keep: int) -> None:
    rewrite_to = write_run(folder, six_cases)[:keep]
    rewrite(folder, rewrite_to)
    summary = build_summary(folder)
    assert summary["consultations"]["planned"] == 36
    assert summary["consultations"]["finished"] == keep
    json.dumps(summary, allow_nan=False)
    Console(file=None, quiet=True).print(*summary_tables(summary))


def test_a_consultation_stored_twice_is_an_error_and_not_counted_twice(
    folder: Path, six_cases: tuple[Case, ...]
) -> None:
    records = write_run(folder, six_cases)
    rewrite(folder, [*records, records[0]])
    with pytest.raises(RunFolderError, match="twice"):
        build_summary(folder)


def test_unreadable_verdicts_are_reported(folder: Path, six_cases: tuple[Case, ...]) -> None:
    records = write_run(folder, six_cases, doctors=("checklist",))
    silent = records[0].verdicts[0].model_copy(update={"parsed": False})
    rewrite(folder, [records[0].model_copy(update={"verdicts": (silent,)}), *records[1:]])
    assert build_summary(folder)["doctors"]["checklist"]["unparsed_rate"] == pytest.approx(1 / 12, abs=1e-6)


def test_one_run_compared_with_itself_alone_is_its_summary(folder: Path, six_cases: tuple[Case, ...]) -> None:
    write_run(folder, six_cases)
    compared, summary = compare_runs((folder,)), build_summary(folder)
    assert {key: compared[key] for key in summary} == summary


def test_two_runs_are_paired_on_common_cases_of_equal_content(tmp_path: Path, six_cases: tuple[Case, ...]) -> None:
    monday, tuesday = tmp_path / "monday", tmp_path / "tuesday"
    write_run(monday, six_cases[:5], doctors=("checklist",))
    changed = six_cases[1].model_copy(update={"title": "another person"})
    write_run(tuesday, (changed, *six_cases[2:]), doctors=("checklist",), seed=8)
    compared = compare_runs((monday, tuesday))
    assert list(compared["doctors"]) == ["monday/checklist", "tuesday/checklist"]
    assert compared["cases"]["common"] == 3
    assert compared["cases"]["not_common"] == {
        six_cases[0].id: "not in tuesday", six_cases[5].id: "not in monday",
        six_cases[1].id: "its content differs between the runs",
    }
    total = next(row for row in compared["paired"] if row["metric"] == "total")
    assert total["n_cases"] == 3


def test_runs_under_different_judges_are_compared_with_a_warning(tmp_path: Path, six_cases: tuple[Case, ...]) -> None:
    for name in ("a", "b"):
        write_run(tmp_path / name, six_cases[:2])
    path = tmp_path / "b" / RUN
    path.write_text(path.read_text().replace('"backend": "rubric"', '"backend": "other"'))
    notes = compare_runs((tmp_path / "a", tmp_path / "b"))["notes"]
    assert len(notes) == 1 and "judges" in notes[0]


def test_the_terminal_shows_means_with_intervals_and_the_difference_with_p(
    folder: Path, six_cases: tuple[Case, ...]
) -> None:
    write_run(folder, six_cases)
    summary = build_summary(folder)
    console = Console(width=140, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    for table in summary_tables(summary):
        console.print(table)
    shown = console.export_text()
    total = summary["doctors"]["history-taker"]["metrics"]["total"]
    assert f"{total['mean']:.1f} ±{(total['ci95'][1] - total['ci95'][0]) / 2:.1f}" in shown
    assert "history-taker − one-shot" in shown and "won/tied/lost" in shown
