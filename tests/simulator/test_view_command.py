"""``clinic view`` as people start it: what it prints, what it refuses, how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simulator.cli import main

LINE = re.compile(r"Clinic is at (http://\S+)  \(sessions: (\S+); Ctrl-C stops it\)")


@contextmanager
def started(folder: Path, *arguments: str, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Start the command in ``folder``; yields process, address and where sessions are kept."""
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "view", *arguments, "--port", "0"], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), **variables},
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = LINE.fullmatch(line.strip())
        assert found, (line, process.communicate(timeout=10) if process.poll() is not None else "")
        yield process, found[1], found[2]
    finally:
        process.kill()
        process.wait(10)


def refused(*arguments: str, **variables: str) -> str:
    """Run the command, which must not start, and return what it says."""
    done: Result = CliRunner().invoke(main, ["view", *arguments], env=variables)
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    return done.output


def status(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_ctrl_c_and_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path) as (process, address, sessions):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        assert (tmp_path / sessions).is_file() and sessions == "runs/sessions.sqlite"
        with urllib.request.urlopen(f"{address}api/v1/runs", timeout=20) as answer:
            assert json.loads(answer.read()) == []
            assert "server" not in answer.headers
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", "")


def test_an_open_stream_and_half_a_request_do_not_keep_it_from_ending(tmp_path: Path) -> None:
    with started(tmp_path) as (process, address, _):
        body = json.dumps({"case": "zh-urology-01-chef-flank-pain", "doctor": {"backend": "one-shot"}}).encode()
        asked = urllib.request.Request(f"{address}api/v1/sessions", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=20) as answer:
            session = json.loads(answer.read())["id"]
        port = int(address.rpartition(":")[2].strip("/"))
        with (
            socket.create_connection(("127.0.0.1", port)) as idle,
            urllib.request.urlopen(f"{address}live/{session}/events", timeout=20) as stream,
        ):
            idle.sendall(b"GET / HTTP/1.1\r\nHost: loc")
            assert stream.readline().startswith(b"retry:")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", "")


def test_a_new_token_is_printed_in_the_link_and_asked_for(tmp_path: Path) -> None:
    with started(tmp_path, "--host", "0.0.0.0", "--token", "new") as (_, address, _sessions):
        link = re.fullmatch(r"http://([^/:]+):(\d+)/\?token=([\w-]{30,})", address)
        assert link
        here = f"http://127.0.0.1:{link[2]}/api/v1/runs"
        assert status(here) == 401
        asked = urllib.request.Request(here, headers={"Authorization": f"Bearer {link[3]}"})
        with urllib.request.urlopen(asked, timeout=20) as answer:
            assert answer.status == 200


def test_sessions_of_one_run_folder_lie_beside_it(tmp_path: Path) -> None:
    run = tmp_path / "all" / "one"
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}")
    with started(tmp_path, "all/one") as (_, _, sessions):
        assert Path(sessions) == tmp_path / "all" / "sessions.sqlite"
        assert [path.name for path in run.iterdir()] == ["run.json"]


def test_sessions_are_kept_where_the_variable_says(tmp_path: Path) -> None:
    with started(tmp_path, CLINIC_SESSIONS="elsewhere.sqlite") as (_, _, sessions):
        assert sessions == "elsewhere.sqlite" and (tmp_path / sessions).is_file()


def test_a_busy_port_is_said_to_be_busy(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        said = refused(str(tmp_path), "--port", str(port))
    assert f"port {port} of 127.0.0.1 is in use" in said and "--port" in said


@pytest.mark.parametrize(("arguments", "why"), [
    (["--host", "0.0.0.0"], "--token new"),
    (["--host", "192.0.2.1", "--token", "new"], "cannot listen on 192.0.2.1"),
    (["--host", "no such host", "--token", "new"], "--host no such host"),
    (["--token", "short"], "16 or more characters"),
    (["--token", "aaaaaaaaaaaaaaaaaaaaaaaaa"], "cannot be guessed"),
    (["--token", "with a space in it, long"], "no spaces"),
    (["--token", "密码密码密码密码一二三四五六七八九"], "ASCII"),
    (["--batch", "nowhere.yaml"], "nowhere.yaml"),
    (["--port", "70000"], "70000"),
])
def test_what_cannot_be_is_refused(tmp_path: Path, arguments: list[str], why: str) -> None:
    assert why in " ".join(refused(str(tmp_path), *arguments).split())


def test_a_weak_token_of_the_environment_is_refused_without_being_repeated(tmp_path: Path) -> None:
    said = refused(str(tmp_path), CLINIC_TOKEN="hunter2")
    assert "16 or more" in said and "hunter2" not in said


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "nope") in refused(str(tmp_path / "nope")).replace("\n", "")


def test_sessions_that_cannot_be_kept_stop_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x" * 5000)
    assert "--sessions" in refused(str(tmp_path), "--port", "0", "--sessions", str(tmp_path / "file"))


def test_help_has_examples_and_imports_no_server() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from simulator.cli import main; "
        "out = CliRunner().invoke(main, ['view', '--help']).output; print(out); "
        "print([m for m in ('fastapi', 'uvicorn', 'langgraph', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "clinic view --host 0.0.0.0 --token new" in done.stdout
    assert done.stdout.strip().endswith("[]")
