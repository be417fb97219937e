"""A budget ends a batch cleanly when it is used up, and the run can go on with a larger one."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.errors import InputError
from scenarios.schema import Turn, Usage
from simulator.budget import Budget, Meter, check_currency, parse_budget, spent_before
from tests.fault_server import FaultServer
from tests.simulator.model_batch import PRICE, clinic, lines, model_batch, ok, words_said


@pytest.mark.parametrize(("text", "amount", "unit"), [
    ("2000000tok", 2_000_000, "tok"), ("2M", 2_000_000, "tok"), ("1.5mtok", 1_500_000, "tok"),
    ("500k tokens", 500_000, "tok"), ("2,000,000 tok", 2_000_000, "tok"), ("1 token", 1, "tok"),
    ("5USD", 5, "USD"), ("5.00 usd", 5, "USD"), (" .5 eur ", 0.5, "EUR"), ("2k CNY", 2000, "CNY"), ("5MXN", 5, "MXN"),
])
def test_tokens_and_money_are_read_as_people_write_them(text: str, amount: float, unit: str) -> None:
    assert parse_budget(text) == Budget(amount, unit)


@pytest.mark.parametrize("text", [
    "", "5", "5,00 EUR", "-5USD", "0tok", "0.5tok", "5 dollars", "USD", "1e6", "nan USD", "5$",
])
def test_what_is_no_clear_amount_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InputError, match="--budget"):
        parse_budget(text)


def test_money_needs_prices_of_the_same_currency() -> None:
    with pytest.raises(InputError, match="needs prices"):
        check_currency(Budget(5, "USD"), {"patient": None})
    with pytest.raises(InputError, match="prices are in CNY"):
        check_currency(Budget(5, "USD"), {"patient": "CNY", "judge a": None})
    assert check_currency(Budget(5, "USD"), {"patient": "USD", "judge a": None}) == ["judge a"]
    assert check_currency(Budget(5, "tok"), {"patient": None}) == []


def test_a_turn_is_written_before_the_budget_can_end_its_consultation() -> None:
    said: list[Turn] = []
    meter = Meter(Budget(100, "tok"))
    turn = Turn(index=0, exchange=1, role="patient", text="x", usage=Usage(prompt=80, completion=20))
    meter.journal(said.append, lambda: said.append(turn))(turn)
    assert len(said) == 2 and meter.reached and meter.spent.tokens == 100


async def test_nothing_is_judged_once_the_budget_is_reached() -> None:
    async def twice(number: int) -> int:
        return 2 * number

    meter = Meter(Budget(10, "tok"))
    judge = meter.while_left_to(twice)
    assert await judge(4) == 8 and await judge(None) is None
    meter.spent.add(Usage(prompt=10))
    assert await judge(4) is None


def test_a_batch_stops_when_its_tokens_are_spent_and_goes_on_with_more(tmp_path: Path) -> None:
    with FaultServer() as server:
        batch = model_batch(tmp_path, server.url)
        ok("run", batch, "--out", tmp_path / "whole", "--no-report")
        asked = len(server.requests)
        stopped = clinic("run", batch, "--out", tmp_path / "cut", "--no-report", "--budget", "9000tok")
        cut = len(server.requests) - asked
        assert stopped.exit_code == 3 and "Traceback" not in stopped.output
        assert "of 9,000 tokens, after 2 of 6 consultations" in " ".join(stopped.output.split())
        assert "--resume --budget" in stopped.output
        assert (tmp_path / "cut" / "summary.json").exists()
        used = spent_before(tmp_path / "cut").tokens
        assert 9_000 <= used < 12_000, "at most what was under way goes beyond the budget"

        again = clinic("run", batch, "--out", tmp_path / "cut", "--no-report", "--resume", "--budget", "9000tok")
        assert again.exit_code == 3 and len(server.requests) == asked + cut, "what was spent earlier counts"

        ok("run", batch, "--out", tmp_path / "cut", "--no-report", "--resume", "--budget", "1M")
        assert len(server.requests) == 2 * asked, "nothing was asked twice"
    assert words_said(tmp_path / "cut") == words_said(tmp_path / "whole")


def test_money_is_counted_by_the_models_prices(tmp_path: Path) -> None:
    with FaultServer() as server:
        batch = model_batch(tmp_path, server.url, price=PRICE)
        words = ["run", batch, "--out", tmp_path / "run", "--no-report", "--concurrency", 2]
        stopped = clinic(*words, "--budget", "0.02 USD")
    assert stopped.exit_code == 3
    assert "of 0.0200 USD" in stopped.output
    assert 0.02 <= (spent_before(tmp_path / "run").cost or 0) < 0.03
    turns, held = lines(tmp_path / "run" / "turns.jsonl"), lines(tmp_path / "run" / "consultations.jsonl")
    assert len(turns) > sum(len(one["turns"]) for one in held), "a consultation under way kept its turns"


def test_a_budget_that_suffices_changes_nothing(tmp_path: Path) -> None:
    with FaultServer() as server:
        batch = model_batch(tmp_path, server.url, cases=1)
        said = ok("run", batch, "--out", tmp_path / "run", "--no-report", "--budget", "1M")
    assert "the budget is spent" not in said
    assert len(lines(tmp_path / "run" / "consultations.jsonl")) == 2


@pytest.mark.parametrize(("price", "budget", "told"), [
    (None, "5USD", "needs prices"), (PRICE, "5EUR", "prices are in USD"), (PRICE, "5", "does not say of what"),
])
def test_an_unusable_budget_is_refused_before_anything_runs(
    tmp_path: Path, price: dict[str, float] | None, budget: str, told: str
) -> None:
    with FaultServer() as server:
        batch = model_batch(tmp_path, server.url, price=price)
        refused = clinic("run", batch, "--out", tmp_path / "run", "--budget", budget)
        assert refused.exit_code == 2 and told in refused.output
        assert not server.requests and not (tmp_path / "run").exists()
