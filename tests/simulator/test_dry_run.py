"""What a batch will use is told before it runs, and what a finished one used stands in its summary and report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulator.forecasting import forecast_batch
from simulator.preparation import prepare
from simulator.usage import UsageCount, currencies, usage_figures
from tests.fault_server import FaultServer
from tests.simulator.model_batch import PRICE, clinic, model_batch, ok

NOWHERE = "http://127.0.0.1:9/v1"


def test_a_dry_run_asks_nobody_and_writes_nothing(tmp_path: Path) -> None:
    with FaultServer() as server:
        batch = model_batch(tmp_path, server.url, price=PRICE)
        before = sorted(tmp_path.iterdir())
        shown = ok("run", batch, "--out", tmp_path / "run", "--dry-run")
        assert not server.requests and not server.hub.connections
    assert sorted(tmp_path.iterdir()) == before
    assert "6 consultations planned" in shown
    for who in ("doctor careful", "doctor quick", "patient", "judge llm", "judge rubric", "total"):
        assert who in shown
    assert "USD" in shown


def test_the_rows_multiply_each_agents_own_forecast(tmp_path: Path) -> None:
    ready = prepare(model_batch(tmp_path, NOWHERE, price=PRICE, trials=2))
    rows = {row.who: row for row in forecast_batch(ready.plan, ready.staff)}
    one = ready.staff.members["patient"].forecast(ready.plan.cases[0], 2)
    assert rows["patient"].consultations == 12 and rows["patient"].forecast.calls == 12 * one.calls
    assert rows["doctor quick"].consultations == 6
    assert rows["judge rubric"].forecast.prompt == 0 and rows["examiner"].forecast.calls == 0
    assert rows["patient"].forecast.longest == one.longest, "the longest prompt is not a sum"
    cast = rows["judge llm"].forecast
    cost = ((cast.prompt - cast.cached) * 2 + cast.cached * 2 + cast.completion * 8) / 1e6
    assert rows["judge llm"].cost == pytest.approx(cost)


def test_the_forecast_is_near_what_is_then_used(tmp_path: Path) -> None:
    """The server's words are not a model's, so only calls and the order of size can be compared."""
    with FaultServer() as server:
        batch = model_batch(tmp_path, server.url)
        ready = prepare(batch)
        expected = {row.who: row.forecast for row in forecast_batch(ready.plan, ready.staff)}
        ok("run", batch, "--out", tmp_path / "run")
    used = json.loads((tmp_path / "run" / "summary.json").read_text())["usage"]["by_role"]
    assert used["judge llm"]["calls"] == expected["judge llm"].calls
    assert 0.5 < used["patient"]["calls"] / expected["patient"].calls < 2
    assert 0.3 < used["patient"]["prompt"] / expected["patient"].prompt < 3


def test_only_what_is_left_of_a_run_is_forecast_with_resume(tmp_path: Path) -> None:
    with FaultServer() as server:
        batch = model_batch(tmp_path, server.url)
        ok("run", batch, "--out", tmp_path / "run", "--no-report", "--limit", 1)
    shown = ok("run", batch, "--out", tmp_path / "run", "--resume", "--dry-run")
    assert "4 consultations planned" in shown


def test_a_referee_counts_every_pair_of_doctors(tmp_path: Path) -> None:
    referee = {"backend": "pairwise", "model": "good", "base_url": NOWHERE}
    ready = prepare(model_batch(tmp_path, NOWHERE, trials=2, referee=referee))
    rows = {row.who: row for row in forecast_batch(ready.plan, ready.staff)}
    assert rows["referee"].consultations == 3 * 2, "one pair, three cases, two trials"
    assert rows["referee"].forecast.calls == 2 * 6, "each comparison is asked in both orders"


def test_the_dry_run_says_whether_the_budget_suffices(tmp_path: Path) -> None:
    batch = model_batch(tmp_path, NOWHERE, price=PRICE)
    assert "does not suffice" in ok("run", batch, "--dry-run", "--budget", "1ktok")
    assert "USD suffices" in ok("run", batch, "--dry-run", "--budget", "500USD")


def test_what_was_used_is_printed_summarised_and_reported(tmp_path: Path) -> None:
    with FaultServer() as server:
        said = ok("run", model_batch(tmp_path, server.url, price=PRICE, cases=1), "--out", tmp_path / "run")
        calls = len(server.requests)
    usage = json.loads((tmp_path / "run" / "summary.json").read_text())["usage"]
    assert usage["total"]["calls"] == calls and usage["currency"] == "USD"
    assert set(usage["by_role"]) == {"doctor", "patient", "judge llm"}
    assert set(usage["by_doctor"]) == {"careful", "quick"}
    parts = [one for roles in usage["by_doctor"].values() for one in roles.values()]
    for name in ("calls", "prompt", "cached", "completion"):
        assert usage["total"][name] == sum(one[name] for one in parts)
    assert usage["total"]["cost"] == pytest.approx(sum(one["cost"] for one in parts), abs=1e-5)
    assert f"{calls} model calls" in said and "USD" in said
    page = (tmp_path / "run" / "report.html").read_text()
    assert 'id="usage"' in page and f"{usage['total']['prompt']:,}" in page


def test_a_batch_without_models_says_nothing_of_tokens(tmp_path: Path) -> None:
    batch = model_batch(tmp_path, NOWHERE, cases=1, doctors={"a": {"backend": "checklist"}},
                        patient={"backend": "agenda"}, judges=[{"backend": "rubric"}])
    said = ok("run", batch, "--out", tmp_path / "run")
    assert "model calls" not in said and not (tmp_path / "run" / "replies.jsonl").exists()
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["usage"] is None
    assert 'id="usage"' not in (tmp_path / "run" / "report.html").read_text()


def test_costs_in_two_currencies_are_not_added(tmp_path: Path) -> None:
    two = {"batch": {"doctors": {"a": {"price": {"prompt": 1, "currency": "CNY"}}}, "patient": {"price": PRICE}}}
    assert sorted(currencies(two["batch"])) == ["CNY", "USD"]
    with FaultServer() as server:
        ok("run", model_batch(tmp_path, server.url, price=PRICE, cases=1), "--out", tmp_path / "run", "--no-report")
    from simulator.table import MetricTable

    figures = usage_figures(two, MetricTable.read(tmp_path / "run").usage)
    assert figures and figures["currency"] is None and figures["total"]["cost"] is None
    assert usage_figures(two, UsageCount()) is None


def test_a_wrong_batch_is_refused_by_a_dry_run_too(tmp_path: Path) -> None:
    assert clinic("run", model_batch(tmp_path, NOWHERE, doctors={"a": {"backend": "chta"}}), "--dry-run").exit_code == 2
