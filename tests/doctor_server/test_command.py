"""``clinic serve --doctor`` says before loading what would stop it, and leaves ``clinic serve NAME`` alone."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simulator.cli import main


def serve(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, ["serve", *arguments], env=environment)


@pytest.mark.parametrize(("arguments", "words"), [
    (["--vocoder", "x"], "--vocoder: only with --doctor CHECKPOINT"),
    (["tiny", "--device", "cpu", "--max-streams", "4"], "--device, --max-streams: only with --doctor"),
    (["tiny", "--doctor", "x"], "NAME: not with --doctor"),
    (["--doctor", "x", "--wait", "3", "--patient"], "--patient, --wait: not with --doctor"),
    (["tiny", "--port", "0"], "only with --doctor"),
    ([], "name one server, or say --patient or --doctor CHECKPOINT"),
    (["--doctor", "no/such/folder"], "there is no folder no/such/folder"),
    (["--doctor", "x", "--device", "gpu"], "--device: String should match pattern"),
    (["--doctor", "x", "--dtype", "int8"], "'int8' is not one of"),
])
def test_wrong_options_are_named(arguments: list[str], words: str) -> None:
    done = serve(*arguments)
    assert done.exit_code == 2
    assert words in " ".join(done.output.split()).replace("\n", " ")


def test_others_need_a_token_that_cannot_be_guessed(checkpoint: Path) -> None:
    open_to_all = ["--doctor", str(checkpoint), "--host", "0.0.0.0", "--port", "0"]
    assert "add --token-env NAME" in serve(*open_to_all).output
    assert "KEY is empty or not set" in serve(*open_to_all, "--token-env", "KEY").output
    for weak in ("short", "a" * 40, "new"):
        assert "cannot be guessed" in serve(*open_to_all, "--token-env", "KEY", KEY=weak).output
    assert "no spaces" in serve(*open_to_all, "--token-env", "KEY", KEY="a token of some length, with spaces").output


def test_a_port_in_use_is_found_before_loading(checkpoint: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = serve("--doctor", str(checkpoint), "--port", str(taken.getsockname()[1]))
    assert done.exit_code == 2 and "is in use" in done.output


def test_a_broken_checkpoint_is_an_error_and_no_traceback(checkpoint: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        (broken / name).write_bytes((checkpoint / name).read_bytes())
    (broken / "model.safetensors").write_bytes((checkpoint / "model.safetensors").read_bytes()[:200_000])
    done = serve("--doctor", str(broken), "--port", "0", "--device", "cpu")
    assert done.exit_code == 2 and isinstance(done.exception, SystemExit)
    assert "model.safetensors" in done.output and "Traceback" not in done.output


def test_the_help_shows_how() -> None:
    shown = serve("--help").output
    assert "clinic serve --doctor models/LLaMA-Omni2-0.5B --vocoder" in shown
    assert "clinic serve --patient" in shown and "--token-env" in shown
