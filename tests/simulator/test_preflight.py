"""Before a batch starts every server is asked whether it can serve it; a complaint comes once, with its fix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scenarios.errors import ClinicError, InputError
from simulator.preflight import ask_all
from tests.fault_server import FaultServer
from tests.helpers import small_case
from tests.simulator.model_batch import clinic, lines, model_batch, ok


class Asking:
    """Complains as told and remembers how long a prompt it was asked about."""

    def __init__(self, problem: str = "") -> None:
        self.problem, self.longest = problem, -1

    def forecast(self, case: Any, max_turns: int) -> Any:
        from agents.llm.forecast import Forecast

        return Forecast(longest=len(case.chief_complaint) * max_turns)

    async def preflight(self, longest: int) -> None:
        self.longest = longest
        if self.problem:
            raise InputError(self.problem)


async def test_each_agent_is_asked_about_its_longest_prompt_over_all_cases() -> None:
    agent = Asking()
    cases = [small_case("a", chief_complaint="x" * 10), small_case("b", chief_complaint="x" * 30)]
    await ask_all({"patient": agent, "examiner": object()}, cases, 4)
    assert agent.longest == 120


async def test_one_complaint_of_several_agents_is_told_once() -> None:
    members = {"patient": Asking("server is away"), "judge a": Asking("server is away"), "judge b": Asking("no model")}
    with pytest.raises(ClinicError) as told:
        await ask_all(members, [small_case()], 1)
    assert "patient, judge a: server is away" in str(told.value)
    assert "judge b: no model" in str(told.value) and "--no-preflight" in str(told.value)


def test_a_server_that_is_away_stops_the_batch_before_anything_is_written(tmp_path: Path) -> None:
    refused = clinic("run", model_batch(tmp_path, "http://127.0.0.1:9/v1"), "--out", tmp_path / "run")
    assert refused.exit_code == 2 and "Traceback" not in refused.output
    assert "nobody answers" in refused.output and "clinic serve" in refused.output
    assert not (tmp_path / "run").exists()


def test_the_same_command_works_once_the_server_is_up(tmp_path: Path) -> None:
    server = FaultServer()
    server.start()
    batch = model_batch(tmp_path, server.url, cases=1)
    server.stop()
    assert clinic("run", batch, "--out", tmp_path / "run").exit_code == 2
    server.start()
    ok("run", batch, "--out", tmp_path / "run", "--no-report")
    server.stop()
    failures = [f for one in lines(tmp_path / "run" / "consultations.jsonl") for f in one["failures"]]
    assert not any(f["owner"] == "infrastructure" for f in failures)


@pytest.mark.parametrize(("settings", "told"), [
    ({"models": ["other"]}, "good"), ({"max_model_len": 700}, "max-model-len"), ({"key": "secret"}, "refuses"),
])
def test_a_missing_model_a_short_context_and_a_refused_key_are_told_at_once(
    tmp_path: Path, settings: dict[str, Any], told: str
) -> None:
    with FaultServer(**settings) as server:
        refused = clinic("run", model_batch(tmp_path, server.url), "--out", tmp_path / "run")
        assert refused.exit_code == 2 and told in refused.output
        assert not server.requests, "no consultation was begun"


def test_doctors_who_do_not_take_part_are_not_asked(tmp_path: Path) -> None:
    with FaultServer() as server:
        away = {"backend": "chat", "model": "gone", "base_url": "http://127.0.0.1:9/v1"}
        here = {"backend": "chat", "model": "good", "base_url": server.url}
        batch = model_batch(tmp_path, server.url, cases=1, doctors={"away": away, "here": here})
        ok("run", batch, "--out", tmp_path / "run", "--doctor", "here", "--no-report")


def test_no_preflight_starts_anyway_and_names_the_failure(tmp_path: Path) -> None:
    batch = model_batch(tmp_path, "http://127.0.0.1:9/v1", cases=1)
    ok("run", batch, "--out", tmp_path / "run", "--no-preflight", "--no-report")
    failures = [f for one in lines(tmp_path / "run" / "consultations.jsonl") for f in one["failures"]]
    assert ("infrastructure", "server_down") in {(f["owner"], f["kind"]) for f in failures}


def test_judging_again_asks_the_judges_server_first(tmp_path: Path) -> None:
    with FaultServer() as server:
        batch = model_batch(tmp_path, server.url, cases=1)
        ok("run", batch, "--out", tmp_path / "run", "--no-report")
    refused = clinic("judge", tmp_path / "run", "--out", tmp_path / "judged")
    assert refused.exit_code == 2 and "nobody answers" in refused.output
    assert not (tmp_path / "judged").exists()
