"""A thousand generated bad batch files: never a traceback, never exit code 0, and nothing is written."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenarios.writer import write_cases
from simulator.cli import main
from tests.helpers import small_case

GOOD: dict[str, Any] = {
    "name": "good",
    "cases": ["cases.yaml"],
    "doctors": {"a": {"backend": "one-shot"}},
    "patient": {"backend": "agenda", "persona": {"recall": "low"}},
    "examiner": {"backend": "record"},
    "judges": [{"backend": "rubric"}],
    "trials": 1,
    "seed": 1,
    "max_turns": 2,
    "concurrency": 2,
}
OPTIONAL = {"patient", "examiner", "judges", "trials", "seed", "max_turns", "concurrency"}
WRONG: dict[str, st.SearchStrategy[Any]] = {
    "name": st.sampled_from(["", "a/b", "../up", "x" * 200, 3, None, ["a"], {"a": 1}, "-a", "名字"]),
    "cases": st.sampled_from(
        [
            [],
            [3],
            None,
            {},
            [{"library": "fr"}],
            [{}],
            "nowhere.yaml",
            ["cases.yaml"] * 2,
            [{"import": "nothing", "path": "x"}],
            [{"library": "zh", "limit": 0}],
            ["a\x00b"],
            [[]],
        ]
    ),
    "doctors": st.sampled_from(
        [
            {},
            [],
            None,
            "one-shot",
            {"a": {}},
            {"a": {"backend": "one-shoot"}},
            {"a": None},
            {"a": {"backend": "one-shot", "unheard_of": 1}},
            {"../a": {"backend": "one-shot"}},
        ]
    ),
    "patient": st.sampled_from(
        [
            [],
            3,
            {"backend": "agendum"},
            {"persona": {"recall": "none"}},
            {"persona": {"mood": "low"}},
            {"persona": []},
            {"max_facts": -1},
        ]
    ),
    "examiner": st.sampled_from([{}, {"backend": "rubric"}, [], "record", {"backend": 5}]),
    "judges": st.sampled_from(
        [
            {"backend": "rubric"},
            [{}],
            ["rubric"],
            [{"backend": "judge-judy"}],
            1,
            [{"backend": "rubric"}, {"backend": "rubric"}],
        ]
    ),
    "trials": st.one_of(
        st.integers(max_value=0), st.integers(min_value=1001), st.just("three"), st.just([1]), st.just(0.5)
    ),
    "seed": st.one_of(st.integers(max_value=-1), st.integers(min_value=2**63), st.just("now"), st.floats(0.1, 0.9)),
    "max_turns": st.one_of(st.integers(max_value=0), st.integers(min_value=201), st.just(None), st.just({})),
    "concurrency": st.one_of(st.integers(max_value=0), st.integers(min_value=4097), st.just("many")),
}
unknown_key = st.text(min_size=1, max_size=20).filter(
    lambda key: key not in {*GOOD, "voice", "listener", "retries", "description", "turn_timeout_s"}
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=40))
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def spoiled_batches(draw: st.DrawFn) -> bytes:
    """A good batch with one thing wrong, or something that is no batch at all."""
    kind = draw(st.sampled_from(["wrong value", "unknown key", "missing key", "anything", "text", "bytes", "cut off"]))
    batch = copy.deepcopy(GOOD)
    if kind == "wrong value":
        key = draw(st.sampled_from(sorted(WRONG)))
        batch[key] = draw(WRONG[key])
    elif kind == "unknown key":
        place = draw(st.sampled_from([batch, batch["patient"]["persona"], batch["judges"][0], batch["doctors"]["a"]]))
        place[draw(unknown_key)] = draw(scalars)
    elif kind == "missing key":
        del batch[draw(st.sampled_from(sorted(set(GOOD) - OPTIONAL)))]
    elif kind == "anything":
        value = draw(anything)
        return yaml.safe_dump(value, allow_unicode=True).encode("utf-8", "replace")
    elif kind == "text":
        return draw(st.text(max_size=200)).encode("utf-8", "surrogatepass")
    elif kind == "bytes":
        return draw(st.binary(max_size=200))
    text = yaml.safe_dump(batch, allow_unicode=True, sort_keys=False).encode("utf-8", "replace")
    if kind == "cut off":
        end = text.index(b"doctors:")
        return text[: draw(st.integers(0, end))]
    return text


def refused(result: Result, folder: Path) -> None:
    assert result.exit_code == 2, (result.exit_code, result.output, result.exception)
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert "Traceback" not in result.output
    lines = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1 and "batch.yaml" in lines[0], result.output
    assert not (folder / "run").exists()


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(content=spoiled_batches())
def test_a_bad_batch_file_is_refused_with_one_message(content: bytes, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.getbasetemp() / "bad-input"
    folder.mkdir(exist_ok=True)
    if not (folder / "cases.yaml").exists():
        write_cases([small_case()], folder / "cases.yaml")
    (folder / "batch.yaml").write_bytes(content)
    for command in (["validate"], ["run", "--out", str(folder / "run")]):
        refused(CliRunner().invoke(main, [command[0], str(folder / "batch.yaml"), *command[1:]]), folder)


def test_the_good_batch_is_good_so_that_only_the_fault_is_refused(tmp_path: Path) -> None:
    write_cases([small_case()], tmp_path / "cases.yaml")
    (tmp_path / "batch.yaml").write_text(yaml.safe_dump(GOOD), "utf-8")
    result = CliRunner().invoke(main, ["validate", str(tmp_path / "batch.yaml")])
    assert result.exit_code == 0, result.output
