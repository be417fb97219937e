"""``clinic list doctors``: what each doctor needs, and with ``--check`` whether it answers now."""

from __future__ import annotations

import importlib.util
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agents import catalog
from agents.catalog import BackendSpec, find
from agents.doctors.entries import shipped
from simulator.checking import check, check_one
from simulator.cli import main
from tests.conftest import ROOT


class Served(BaseHTTPRequestHandler):
    """Answers every GET with what its server holds."""

    server: Any

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        time.sleep(self.server.wait_s)
        status, content = self.server.says.get(self.path, (404, b"{}"))
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        try:
            for piece in [bytes([byte]) for byte in content] if self.server.drip_s else [content]:
                self.wfile.write(piece)
                time.sleep(self.server.drip_s)
        except OSError:
            pass

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def served() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Served)
    server.daemon_threads = True
    server.says, server.asked, server.wait_s, server.drip_s = {}, [], 0.0, 0.0
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def models(*names: str) -> tuple[int, bytes]:
    return 200, json.dumps({"object": "list", "data": [{"id": name} for name in names]}).encode()


def moved(name: str, **options: Any) -> BackendSpec:
    """The entry ``name`` with other defaults, as when its server runs elsewhere."""
    spec = find("doctor", name)
    return BackendSpec(
        spec.name, spec.role, spec.summary, spec.factory, spec.options, spec.extra, spec.capabilities,
        {**spec.defaults, **options}, spec.service,
    )


def dead_url() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def clinic(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "400"}).invoke(main, ["list", *arguments])


@pytest.mark.parametrize("name", ["huatuogpt2-7b", "qwen2-audio-7b-instruct"])
def test_a_chat_or_audio_doctor_answers_when_its_server_lists_its_model(served: Any, name: str) -> None:
    served.says = {"/v1/models": models("other", find("doctor", name).defaults["model"])}
    answer = check_one(moved(name, base_url=f"{served.url}/v1"))
    assert (answer.up, str(answer)) == (True, f"yes, {served.url}/v1")


def test_a_server_of_another_model_is_no_answer_and_the_start_command_is_named(served: Any) -> None:
    served.says = {"/v1/models": models("tiny-qwen2")}
    answer = check_one(moved("huatuogpt2-7b", base_url=f"{served.url}/v1"))
    assert answer.up is False
    assert "serves tiny-qwen2, not HuatuoGPT2-7B" in answer.why
    assert "services/vllm-baichuan/start.sh huatuogpt2-7b" in answer.why


def test_a_dead_port_is_no_answer_with_the_reason_and_the_start_command() -> None:
    answer = check_one(moved("kimi-audio-7b-instruct", url=dead_url()))
    assert answer.up is False
    assert "nobody answers at" in answer.why and "refused" in answer.why
    assert answer.why.endswith("start it: services/kimi-audio/start.sh")


@pytest.fixture
def template() -> ModuleType:
    spec = importlib.util.spec_from_file_location("template_under_check", ROOT / "services" / "template" / "server.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_process_doctor_answers_when_the_real_template_server_is_ready_with_its_model(template: ModuleType) -> None:
    doctor = template.Doctor()
    server = template.Server(("127.0.0.1", 0), doctor, key="", audio_root=None)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        spec = moved("glm-4-voice-9b", url=url)
        assert "is 'echo', not 'GLM-4-Voice-9B'" in check_one(spec).why
        doctor.name = "GLM-4-Voice-9B"
        assert "is not ready: still loading" in check_one(spec).why
        server.failed = "ModuleNotFoundError: No module named 'torch'"
        assert "not ready: ModuleNotFoundError: No module named 'torch'" in check_one(spec).why
        server.failed = ""
        server.load()
        assert str(check_one(spec)) == f"yes, {url}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("status", "content", "said"), [
    (401, b"{}", "answers 401"),
    (200, b"<html>", "does not answer as such a server"),
    (200, b"[1]", "does not answer as such a server"),
    (200, b'{"data": 7}', "serves no model"),
    (200, b'{"data": [{"name": "x"}, 3]}', "serves no model"),
    (200, b"[" * 100_000, "does not answer as such a server"),
])
def test_a_server_of_another_kind_is_no_answer(served: Any, status: int, content: bytes, said: str) -> None:
    served.says = {"/v1/models": (status, content)}
    answer = check_one(moved("zhongjing", base_url=f"{served.url}/v1"))
    assert answer.up is False and said in answer.why


@pytest.mark.parametrize("way", ["wait_s", "drip_s"])
def test_a_slow_server_is_given_up_after_the_patience(served: Any, way: str) -> None:
    setattr(served, way, 0.2)
    served.says = {"/v1/models": models("Zhongjing-LLaMA")}
    start = time.monotonic()
    answer = check_one(moved("zhongjing", base_url=f"{served.url}/v1"), patience_s=0.15)
    assert answer.up is False and "within 0.15 s" in answer.why
    assert time.monotonic() - start < 1.5


def test_all_are_asked_at_the_same_time(served: Any) -> None:
    served.wait_s, served.says = 0.4, {"/v1/models": models("Zhongjing-LLaMA")}
    spec = moved("zhongjing", base_url=f"{served.url}/v1")
    many = [BackendSpec(f"d{i}", "doctor", "", spec.factory, spec.options, defaults=spec.defaults) for i in range(10)]
    start = time.monotonic()
    assert all(answer.up for answer in check(many).values())
    assert time.monotonic() - start < 2.0, "one after the other would take 4 s"


def test_the_key_goes_to_the_server_that_wants_it_and_is_never_shown(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "sesame-42")
    served.says = {"/v1/models": models("nobody")}
    answer = check_one(moved("zhongjing", base_url=f"{served.url}/v1", api_key_env="SOME_KEY"))
    assert served.asked == [("/v1/models", "Bearer sesame-42")]
    assert "sesame" not in str(answer)


def test_built_in_doctors_answer_always_and_open_backends_depend_on_the_batch() -> None:
    answers = check(catalog.specs("doctor")[name] for name in ("history-taker", "one-shot", "chat", "process"))
    assert [str(answers[name]) for name in ("history-taker", "one-shot")] == ["yes, built in"] * 2
    assert answers["chat"].up is None and answers["process"].up is None


def test_the_in_process_doctor_depends_on_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = catalog.specs("doctor")["transformers"]
    monkeypatch.setattr("simulator.checking.find_spec", lambda name: None if name == "torch" else object())
    assert str(check_one(spec)) == "no: torch not installed: pip install 'clinic-simulator[local]'"
    monkeypatch.setattr("simulator.checking.find_spec", lambda name: object())
    assert check_one(spec).up is True


def test_the_table_says_what_each_doctor_needs() -> None:
    output = clinic("doctors").output
    line = {row.split()[0]: row for row in output.splitlines()}
    assert "services/vllm-baichuan, 20 GB of GPU memory" in line["huatuogpt2-7b"]
    assert "pip extra 'local'" in line["transformers"] and "nothing more" in line["checklist"]
    assert "a server of yours" in line["process"]
    assert set(shipped()) <= set(line)


def test_the_checked_table_says_yes_and_no_with_the_way_to_mend_it(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.says = {"/v1/models": models("Qwen2.5-72B-Instruct")}
    monkeypatch.setenv("CLINIC_BASE_URL", f"{served.url}/v1")
    line = {row.split()[0]: row for row in clinic("doctors", "--check").output.splitlines()}
    assert f"yes, {served.url}/v1" in line["qwen2.5-72b-instruct"]
    assert "no: nobody answers" in line["opens2s"] and "services/opens2s/start.sh" in line["opens2s"]
    assert "yes, built in" in line["history-taker"]


def test_the_json_holds_everything_known_and_answers_only_when_asked_for() -> None:
    plain = {doctor["name"]: doctor for doctor in json.loads(clinic("doctors", "--json").output)}
    kimi = plain["kimi-audio-7b-instruct"]
    assert kimi["licence"] and kimi["weights"] and kimi["needs"]["gpu_memory_gb"] > 0 and "answers" not in kimi
    asked = {doctor["name"]: doctor for doctor in json.loads(clinic("doctors", "--json", "--check").output)}
    assert asked["history-taker"]["answers"] is True and asked["kimi-audio-7b-instruct"]["answers"] is False


def test_asking_whether_cases_answer_is_refused_with_the_right_command() -> None:
    done = clinic("cases", "--check")
    assert done.exit_code == 2 and "clinic list doctors --check" in done.output


def test_docs_and_batches_name_only_doctors_that_exist() -> None:
    text = Path(ROOT / "docs" / "doctors.md").read_text("utf-8")
    for name in re.findall(r"backend: ([\w.-]+)", text):
        assert name in catalog.specs("doctor")
