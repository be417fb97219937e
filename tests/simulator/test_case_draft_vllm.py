"""Drafting against a real server whose model writes noise: the forms hold, and nothing unsupported gets in."""

from __future__ import annotations

from pathlib import Path

from scenarios.loader import load_case_file
from tests.simulator.model_batch import clinic
from tests.tiny_server import TinyServer

NOTE = Path(__file__).parent / "notes" / "en-sore-throat.txt"


def test_noise_ends_in_a_valid_case_or_a_named_failure(tiny_server: TinyServer, tmp_path: Path) -> None:
    to = tmp_path / "case.yaml"
    done = clinic("case", "draft", "--from", NOTE, "--model", tiny_server.models[0], "--base-url", tiny_server.url,
                  "-o", to, "--max-tokens", 600)
    assert "Traceback" not in done.output
    if done.exit_code == 0:
        (case,) = load_case_file(to)
        assert "left out" in done.output and case.language == "en"
    else:
        assert done.exit_code == 2 and not to.exists()
        kinds = ("truncated_json", "bad_json", "wrong_schema", "empty_reply")
        assert any(kind in done.output for kind in kinds), done.output


def test_a_model_that_the_server_lacks_is_named_with_the_choices(tiny_server: TinyServer, tmp_path: Path) -> None:
    done = clinic("case", "draft", "--from", NOTE, "--model", "tiny-qwen", "--base-url", tiny_server.url,
                  "-o", tmp_path / "case.yaml")
    assert done.exit_code == 2 and tiny_server.models[0] in done.output
