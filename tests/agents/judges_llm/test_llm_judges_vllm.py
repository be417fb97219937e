"""Model judges against a real vLLM server: random weights and heat make noise, and every verdict is valid."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from agents.judges.llm import LLMJudge, LLMJudgeOptions
from agents.judges.single_turn import SingleTurnJudge, SingleTurnOptions
from agents.protocols import JudgeView
from scenarios.loader import library_cases
from scenarios.rubric_file import shipped_rubrics
from scenarios.schema import DIMENSIONS, Case, Turn, Verdict
from simulator.cli import main
from simulator.store import read_consultations
from tests.tiny_server import TinyServer

ASKED = {"zh": "这种情况多久了？", "en": "How long has this been going on?"}


def told(case: Case) -> tuple[Turn, ...]:
    """A consultation in which the doctor always asks the same."""
    said = [case.chief_complaint, *(fact.text for fact in case.facts[:3])]
    turns = []
    for number, words in enumerate(said):
        turns.append(Turn(index=2 * number, exchange=number + 1, role="patient", text=words))
        turns.append(Turn(index=2 * number + 1, exchange=number + 1, role="doctor", text=ASKED[case.language]))
    return tuple(turns)


def hot(tiny_server: TinyServer) -> dict[str, Any]:
    return {"model": tiny_server.models[0], "base_url": tiny_server.url, "temperature": 1.3}


async def test_every_shipped_rubric_gives_valid_verdicts_in_both_languages(tiny_server: TinyServer) -> None:
    cases = [*library_cases("zh", limit=1), *library_cases("en", limit=1)]

    async def one(name: str) -> list[Verdict]:
        if shipped_rubrics()[name].audience == "single_turn":
            single = SingleTurnJudge(SingleTurnOptions(**hot(tiny_server), rubric=name))
            found = [await single.score("zh", "感冒怎么办？", "多喝水。", "休息。", 1),
                     await single.score("en", "How to treat a cold?", "Drink.", "", 2)]
            await single.aclose()
            return found
        judge = LLMJudge(LLMJudgeOptions(**hot(tiny_server), rubric=name))
        found = [await judge.judge(JudgeView(case, told(case), 3)) for case in cases]
        await judge.aclose()
        return found

    names = sorted(shipped_rubrics())
    for name, verdicts in zip(names, await asyncio.gather(*map(one, names)), strict=True):
        rubric = shipped_rubrics()[name]
        for verdict in verdicts:
            assert 0 <= verdict.metrics["total"] <= 100
            assert set(rubric.item_ids) <= verdict.scores.keys() | verdict.metrics.keys()
            assert len(verdict.evidence) == len(rubric.item_ids)
            assert verdict.usage and verdict.usage.calls == 1, f"{name}: the first reply must be usable"


def test_no_verdict_of_a_batch_is_left_unread_and_the_panels_agreement_is_told(
    tiny_server: TinyServer, tmp_path: Path
) -> None:
    model = json.dumps(hot(tiny_server))
    members = json.dumps([hot(tiny_server), hot(tiny_server) | {"model": tiny_server.models[1]}])
    batch, out = tmp_path / "batch.yaml", tmp_path / "run"
    batch.write_text(
        "name: judged\ncases: [{library: zh, limit: 5}, {library: en, limit: 5}]\n"
        "doctors: {list: {backend: checklist}, quick: {backend: one-shot}}\n"
        f"judges:\n- {{backend: panel, rubric: consultation-meddg, members: {members}}}\n"
        f"- {json.dumps({'backend': 'reference'} | json.loads(model))}\n"
        f"- {json.dumps({'backend': 'llm', 'rubric': 'safety'} | json.loads(model))}\n"
        "max_turns: 3\nconcurrency: 6\n", "utf-8",
    )
    done = CliRunner().invoke(main, ["run", str(batch), "--out", str(out), "--no-report"])
    assert done.exit_code == 0, done.output
    records = list(read_consultations(out))
    assert len(records) == 20
    for record in records:
        assert [v.judge for v in record.verdicts] == ["panel", "reference", "llm"]
        assert all(verdict.parsed for verdict in record.verdicts), record.failures
        assert record.metrics["panel_share"] == 1
        assert {"reference.coverage_llm", "llm.total", "member.tiny-qwen2-b.spoken"} <= record.metrics.keys()
    agreement = json.loads((out / "summary.json").read_text())["agreement"]
    assert set(agreement) == {*DIMENSIONS, "total"}
    for figures in agreement.values():
        assert (figures["n"], figures["members"]) == (20, list(tiny_server.models))
        assert figures["interval"] is None or -1 <= figures["interval"] < 0.8, "two noises do not agree"
    assert "Panel's agreement (Krippendorff's alpha): " in done.output
