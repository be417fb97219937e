"""A session whose doctor and patient are language models behind a real vLLM server: stepped, heard, forked, judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.loader import library_cases
from scenarios.schema import BackendRef
from simulator.session import Casting, Heard, open_book
from tests.tiny_server import TinyServer


@pytest.mark.timeout(600)
async def test_models_are_heard_while_they_speak_rewound_forked_and_judged(
    tiny_server: TinyServer, tmp_path: Path
) -> None:
    case = library_cases("en", limit=1)[0]
    model = {"model": tiny_server.models[0], "base_url": tiny_server.url, "max_tokens": 60}
    casting = Casting.model_validate({
        "doctor": {"backend": "chat", **model}, "doctor_name": "small", "patient": {"backend": "llm", **model},
        "judges": [{"backend": "llm", **model, "max_tokens": 1500}], "seed": 5, "max_turns": 3,
    })
    heard: list[Heard] = []
    async with open_book(str(tmp_path / "sessions.sqlite")) as book:
        session = await book.create(case, casting)
        for _ in range(3):
            shown = await session.next(hear=heard.append)
        assert [turn.role for turn in shown.turns] == ["patient", "doctor", "patient"]
        assert all(turn.usage and turn.usage.completion for turn in shown.turns)
        assert len([one for one in heard if one.kind == "words" and one.role == "doctor"]) > 1
        assert {one.role for one in heard if one.kind == "words"} == {"patient", "doctor"}
        await session.rewind("main", 1)
        again = await session.next()
        assert again.turns[0] == shown.turns[0] and again.turns[1].backend == "chat" and again.waiting == "patient"
        other = BackendRef(backend="chat", **{**model, "model": tiny_server.models[1]})
        branch = await session.fork("main", 1, doctor=other, doctor_name="other", seed=6)
        assert (await session.run(branch.id)).ended
        judged = await session.judge(branch.id)
    assert judged.judged and judged.record.verdicts[0].parsed and judged.record.verdicts[0].scores
