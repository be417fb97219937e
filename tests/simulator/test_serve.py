"""``clinic serve`` starts a server script, waits until it answers, shows why it cannot, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from simulator.cli import main
from simulator.serving import ask, server_scripts
from tests.tiny_server import free_port

ANSWERS = """#!/usr/bin/env bash
exec {python} - <<'PY'
import http.server, json, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({{"data": [{{"id": "m", "max_model_len": 4096}}]}}).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *a): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
PY
"""
BREAKS = "#!/usr/bin/env bash\necho 'CUDA out of memory' >&2\nexit 3\n"


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "services" / "vllm"
    folder.mkdir(parents=True)
    (folder / "common.sh").write_text("")
    (folder / "good.sh").write_text(ANSWERS.format(python=sys.executable))
    (folder / "broken.sh").write_text(BREAKS)
    monkeypatch.setenv("CLINIC_SERVICES", str(folder.parent))
    return folder.parent


def test_the_shipped_servers_are_listed_with_what_they_need(root: Path) -> None:
    shown = CliRunner().invoke(main, ["serve", "--list"])
    assert shown.exit_code == 0
    assert "qwen2.5-72b-instruct-awq" in shown.output and "GPU" in shown.output
    assert set(server_scripts()) >= {"tiny", "qwen2.5-72b-instruct", "qwen2.5-72b-instruct-fp8"}
    for script in server_scripts().values():
        assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


def test_a_server_is_kept_until_the_command_is_told_to_end(services: Path, tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "simulator", "serve", "good", "--port", str(port), "--log", str(tmp_path / "log")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ}, cwd=tmp_path)
    assert process.stdout is not None
    first, second = process.stdout.readline(), process.stdout.readline()
    assert f"good answers at http://127.0.0.1:{port}/v1" in first and "context 4096" in first
    assert "patient: {backend: llm, model: m" in second
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    assert _gone(port), "the server outlived the command"


def _gone(port: int) -> bool:
    for _ in range(50):
        if ask("127.0.0.1", port) is None:
            return True
        time.sleep(0.1)
    return False


def test_a_server_that_breaks_shows_its_last_words(services: Path, tmp_path: Path) -> None:
    shown = CliRunner().invoke(main, ["serve", "broken", "--port", str(free_port()), "--log", str(tmp_path / "log")])
    assert shown.exit_code == 2
    assert "CUDA out of memory" in shown.output


def test_a_server_that_never_answers_is_given_up_and_ended(services: Path, tmp_path: Path) -> None:
    (services / "vllm" / "mute.sh").write_text("#!/usr/bin/env bash\necho loading weights; sleep 60\n")
    arguments = ["serve", "mute", "--port", str(free_port()), "--wait", "1", "--log", str(tmp_path / "log")]
    began = time.monotonic()
    shown = CliRunner().invoke(main, arguments)
    assert shown.exit_code == 2 and "did not answer within 1 s" in shown.output and "loading weights" in shown.output
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve"], "--patient"), (["serve", "good", "--patient"], "--patient"),
        (["serve", "god"], "Did you mean 'good'"),
    ],
)
def test_an_unclear_wish_is_answered_with_the_choices(services: Path, arguments: list[str], said: str) -> None:
    shown = CliRunner().invoke(main, arguments)
    assert shown.exit_code == 2 and said in shown.output


def test_outside_a_checkout_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINIC_SERVICES", str(tmp_path))
    shown = CliRunner().invoke(main, ["serve", "--patient"])
    assert shown.exit_code == 2 and "CLINIC_SERVICES" in shown.output
