"""What a model was given can be shown from the stored run, byte for byte as it went over the wire."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.llm import server as servers
from scenarios.errors import UnknownName
from scenarios.schema import AudioRef, Case, Consultation, Turn, Usage
from scenarios.writer import write_cases
from simulator.asked import Asked, asked, asked_of_judge
from simulator.store import read_cases, read_consultations, read_run
from tests.agents.patient_cases import EN, ZH
from tests.fault_server import FaultServer
from tests.helpers import small_case, small_key
from tests.simulator.model_batch import ok

SECRET = "sk-never-shown"


class Ran:
    """A finished run and every request that was made in it, in order."""

    def __init__(self, folder: Path, requests: list[dict[str, Any]]) -> None:
        self.described, self.cases = read_run(folder), read_cases(folder)
        self.records = list(read_consultations(folder))
        self.requests = requests

    def spoken(self) -> list[tuple[Case, Consultation, Turn]]:
        return [(self.cases[record.key.case], record, turn) for record in self.records for turn in record.turns]


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, **model: Any) -> Ran:
    """Hold one consultation a language and doctor, one request after the other, and judge them."""
    monkeypatch.setenv("KEY_OF_TEST", SECRET)
    with FaultServer(key=SECRET) as server:
        one = {"model": "good", "base_url": server.url, "api_key_env": "KEY_OF_TEST", **model}
        batch = {
            "name": "asked", "cases": ["cases.yaml"], "max_turns": 3, "seed": 4, "concurrency": 1,
            "doctors": {
                "plain": {"backend": "chat", **one},
                "form": {"backend": "chat", "ask_requests": "form", "history": "transcript", **one},
            },
            "patient": {"backend": "llm", "reasks": 0, "persona": {"recall": "low"}, **one},
            "judges": [
                {"backend": "llm", **one}, {"backend": "reference", **one},
                {"backend": "panel", "members": [{**one, "name": "a"}, {**one, "name": "b"}]}, {"backend": "rubric"},
            ],
        }
        write_cases([EN, ZH], folder / "cases.yaml")
        (folder / "batch.yaml").write_text(yaml.safe_dump(batch), "utf-8")
        ok("run", folder / "batch.yaml", "--out", folder / "run", "--no-report")
        requests = list(server.requests)
    monkeypatch.delenv("KEY_OF_TEST")
    return Ran(folder / "run", requests)


def pairs(given: Asked) -> list[tuple[str, str]]:
    return [(line.role, line.content) for line in given.messages]


def sent(body: dict[str, Any]) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in body["messages"]]


@pytest.mark.parametrize("schema_by", ["json_schema", "prompt"])
def test_every_turn_and_verdict_shows_the_very_bytes_that_were_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, schema_by: str
) -> None:
    ran = run(tmp_path, monkeypatch, schema_by=schema_by)

    def refuse(*_: Any) -> None:
        raise AssertionError("no server is asked")

    monkeypatch.setattr(servers.Servers, "get", refuse)
    given = [(turn, asked(ran.described, case, record, turn.index)) for case, record, turn in ran.spoken()]
    by_models = [(turn, one) for turn, one in given if turn.role != "examiner"]
    assert {record.language for record in ran.records} == {"zh", "en"} and len(by_models) >= 16
    assert {turn.role for turn, _ in given} == {"patient", "doctor", "examiner"}
    talk = [sent(body) for body in ran.requests if not _of_judge(body)]
    assert [pairs(one) for _, one in by_models] == talk
    assert all(one.note == "" for _, one in by_models)
    judged = [sent(body) for body in ran.requests if _of_judge(body)]
    for record in ran.records:
        for name in ("llm", "reference", "panel"):
            one = asked_of_judge(ran.described, ran.cases[record.key.case], record, name)
            assert one.note == "" and pairs(one) in judged, name
    assert len(judged) == 4 * len(ran.records)
    assert SECRET not in repr(given) and "KEY_OF_TEST" not in repr(given)


def _of_judge(body: dict[str, Any]) -> bool:
    return "⟦" in json.dumps(body["messages"], ensure_ascii=False)


def described(doctor: dict[str, Any], patient: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    batch = {"doctors": {"d": doctor}, "patient": patient or {}, "max_turns": 6, "judges": [{"backend": "rubric"}]}
    return {"batch": batch, **more}


def talk(*roles: str, **last: Any) -> Consultation:
    turns = [Turn(index=i, exchange=i // 2 + 1, role=role, text=f"line {i}") for i, role in enumerate(roles)]  # type: ignore[arg-type]
    turns[-1] = turns[-1].model_copy(update=last)
    return Consultation(key=small_key(), language="en", turns=tuple(turns), stop_reason="max_turns")


MODEL = {"model": "m", "base_url": "http://127.0.0.1:9/v1", "api_key_env": "NOT_SET_ANYWHERE"}
SAID = talk("patient", "doctor")


@pytest.mark.parametrize(("doctor", "said", "note"), [
    ({"backend": "history-taker"}, {}, "'history-taker' is embedded"),
    ({"backend": "scripted-doctor", "lines": ["a"]}, {}, "'scripted-doctor' is embedded"),
    ({"backend": "process", "model": "p"}, {}, "its own affair"),
    ({"backend": "human"}, {}, "a person spoke as the doctor"),
    ({"backend": "chat", **MODEL}, {"backend": "human"}, "a person spoke as the doctor"),
    ({"backend": "chat", **MODEL}, {"backend": "one-shot"}, "'one-shot' spoke here"),
    ({"backend": "gone-plugin"}, {}, "cannot be made here.*gone-plugin"),
])
def test_who_has_no_prompt_says_so(doctor: dict[str, Any], said: dict[str, Any], note: str) -> None:
    given = asked(described(doctor), small_case(), talk("patient", "doctor", **said), 1)
    assert given.messages == ()
    assert re.search(note, given.note), given.note


def test_embedded_patients_examiners_and_judges_have_none() -> None:
    run_of = described({"backend": "chat", **MODEL})
    record = talk("patient", "doctor", "examiner")
    assert "'agenda' is embedded" in asked(run_of, small_case(), record, 0).note
    assert "examiner has no prompt" in asked(run_of, small_case(), record, 2).note
    assert "'rubric' is embedded" in asked_of_judge(run_of, small_case(), record, "rubric").note


def test_prompts_that_have_changed_since_the_run_are_marked() -> None:
    doctor = {"backend": "chat", **MODEL}
    now = asked(described(doctor), small_case(), SAID, 1)
    assert now.messages and now.note == ""
    old = described(doctor, identity={"fingerprints": {"doctor.d": "0" * 16}})
    then = asked(old, small_case(), SAID, 1)
    assert then.messages == now.messages and "changed since" in then.note


def test_a_turn_that_was_asked_for_again_says_so() -> None:
    record = talk("patient", "doctor", usage=Usage(calls=3))
    assert "asked 3 times" in asked(described({"backend": "chat", **MODEL}), small_case(), record, 1).note


def test_sound_is_named_and_neither_read_nor_shown() -> None:
    ref = AudioRef(path="audio/not-there.wav", sample_rate_hz=16_000, seconds=3.21)
    record = talk("patient", "doctor")
    heard = record.turns[0].model_copy(update={"audio": ref, "heard": "line 0"})
    record = record.model_copy(update={"turns": (heard, record.turns[1])})
    given = asked(described({"backend": "audio-chat", "also_text": True, **MODEL}), small_case(), record, 1)
    assert given.messages[-1] == ("user", "[sound, 3.2 s]\nline 0") and given.note == ""


def test_an_engine_in_this_process_is_not_loaded() -> None:
    doctor = {"backend": "chat", "model": "/nowhere", "engine": "in-process", "api_key_env": ""}
    assert asked(described(doctor), small_case(), SAID, 1).messages[-1] == ("user", "line 0")


def test_a_consultation_without_a_doctor_was_not_judged_by_a_model() -> None:
    run_of = described({"backend": "one-shot"})
    run_of["batch"]["judges"] = [{"backend": "llm", "name": "strict", **MODEL}]
    assert "asked no model" in asked_of_judge(run_of, small_case(), talk("patient"), "strict").note
    assert asked_of_judge(run_of, small_case(), SAID, "strict").messages


def test_unknown_turns_doctors_and_judges_are_refused() -> None:
    run_of = described({"backend": "one-shot"})
    for index in (-1, 2):
        with pytest.raises(UnknownName, match="turn"):
            asked(run_of, small_case(), SAID, index)
    with pytest.raises(UnknownName, match="judge"):
        asked_of_judge(run_of, small_case(), SAID, "nobody")
    run_of["batch"]["doctors"] = {}
    with pytest.raises(UnknownName, match="doctor"):
        asked(run_of, small_case(), SAID, 1)
