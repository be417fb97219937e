"""Ready doctors: every entry is a valid backend, its server folder is complete, and its server says what it lacks."""

from __future__ import annotations

import ast
import base64
import importlib.util
import io
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment
from packaging.requirements import Requirement

from agents.catalog import BUILT_IN, find, identity, specs, validate_options
from agents.doctors.entries import entries, parse, shipped
from scenarios.errors import InputError
from scenarios.schema import BackendRef
from tests.conftest import ROOT

SERVICES = ROOT / "services"
SIZES = ("0.5b", "1.5b", "3b", "7b", "14b")
SPEECHLM = {
    "speechmedassist", *(f"speechmedassist-stage{stage}" for stage in (1, 2, 3)), "llama-omni2-32b-bilingual",
    *(f"llama-omni2-{size}{tongues}" for size in SIZES for tongues in ("", "-bilingual")),
}
"""Published checkpoints that our own SpeechLM loads."""
OF_THE_REFERENCE = SPEECHLM | {
    "speechmedassist-original", "llama-omni2-7b-original",
    "qwen2-audio-7b-instruct", "qwen2.5-omni-7b", "qwen2.5-7b-instruct",
    "qwen2.5-14b-instruct", "qwen2.5-72b-instruct", "glm-4-voice-9b", "kimi-audio-7b-instruct",
    "speechgpt-2.0-preview", "shizhengpt-7b-omni", "minicpm-o-2.6", "baichuan-omni-1.5", "baichuan2-7b-chat", "opens2s",
    "step-audio-2-mini", "zhongjing", "huatuogpt2-7b", "disc-medllm",
}
SERVED = {name: entry for name, entry in shipped().items() if entry.service}
FOLDERS = sorted({entry.service for entry in SERVED.values()})
SERVERS = [folder for folder in FOLDERS if (SERVICES / folder / "server.py").is_file()]


def test_every_doctor_of_the_reference_has_an_entry() -> None:
    assert set(shipped()) == OF_THE_REFERENCE


@pytest.mark.parametrize("name", sorted(OF_THE_REFERENCE))
def test_an_entry_is_a_backend_whose_defaults_its_own_options_accept(name: str) -> None:
    spec, entry = find("doctor", name), shipped()[name]
    base = next(built for built in BUILT_IN if built.name == entry.backend)
    options = validate_options(spec, {})
    assert options is not None and type(options).__name__ == base.options.partition(":")[2]
    assert spec.factory == base.factory and spec.extra == base.extra and spec.service == entry.service
    assert ("hears" in spec.capabilities) == entry.hears and ("speaks" in spec.capabilities) == entry.speaks


def test_a_batch_may_override_an_entrys_defaults_and_only_with_options_of_its_backend() -> None:
    moved = validate_options(find("doctor", "huatuogpt2-7b"), {"base_url": "http://127.0.0.1:9/v1", "temperature": 0})
    assert (moved.base_url, moved.temperature, moved.top_p) == ("http://127.0.0.1:9/v1", 0, 0.7)  # type: ignore[union-attr]
    with pytest.raises(InputError, match="temprature"):
        validate_options(find("doctor", "huatuogpt2-7b"), {"temprature": 0})


def test_an_entrys_prompt_habits_are_part_of_a_runs_identity_and_a_moved_server_is_not() -> None:
    here = identity("doctor", BackendRef(backend="disc-medllm"))
    there = identity("doctor", BackendRef.model_validate({"backend": "disc-medllm", "base_url": "http://127.0.0.1:9/v1"}))
    assert here == there and here["defaults"]["extra_body"] == {"top_k": 5, "repetition_penalty": 1.1}


def test_entries_never_replace_a_built_in_backend() -> None:
    assert not set(shipped()) & {spec.name for spec in BUILT_IN}
    assert set(entries(specs("doctor"))) == set(shipped())


def test_each_server_has_an_address_of_its_own() -> None:
    addresses = [
        address for entry in shipped().values()
        if (address := entry.defaults.get("base_url") or entry.defaults.get("url"))
    ]
    assert len(set(addresses)) == len(addresses) == len(SERVED) - 1, "only the 72B shares the patients' server"
    assert all(re.match(r"http://127\.0\.0\.1:8\d\d\d(/v1)?$", address) for address in addresses)


def test_an_invalid_entry_is_refused_with_its_file_and_key() -> None:
    text = (ROOT / "agents/doctors/entries/opens2s.yaml").read_text("utf-8")
    with pytest.raises(InputError, match="x.yaml.*is named 'opens2s'"):
        parse(text, "x.yaml")
    with pytest.raises(InputError, match="opens2s.yaml.*licens"):
        parse(text.replace("licence:", "license:"), "opens2s.yaml")
    with pytest.raises(InputError, match="hears cannot be true: the backend 'chat'"):
        parse(text.replace("backend: process", "backend: chat"), "opens2s.yaml")
    with pytest.raises(InputError, match="service must be named: the backend 'process'"):
        parse(text.replace("service: opens2s\n", ""), "opens2s.yaml")


@pytest.mark.parametrize("name", sorted(SPEECHLM))
def test_a_speechlm_entry_names_a_checkpoint_and_says_how_to_get_it(name: str) -> None:
    entry = shipped()[name]
    assert entry.backend == "speechlm" and not entry.service and entry.hears
    assert (entry.defaults["checkpoint"] == entry.weights) == (f"hf download {entry.weights}" in entry.start)
    assert entry.speaks == ("vocoder" in entry.defaults) == (entry.defaults.get("speak") is None)
    assert entry.languages == (("en",) if name.startswith("llama") and "bilingual" not in name else entry.languages)
    assert (entry.languages == ("zh",)) == name.startswith("speechmed")


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_service_folder_has_readme_requirements_and_a_start_script(folder: str) -> None:
    home = SERVICES / folder
    readme = (home / "README.md").read_text("utf-8")
    assert "ot yet run here" in readme or "have not been run here" in readme
    assert "icence" in readme or folder == "vllm"
    requirements = sorted(home.glob("requirements*.txt"))
    assert requirements
    for file in requirements:
        for line in file.read_text("utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                assert Requirement(line).specifier, f"{file}: {line} is not pinned"
    scripts = sorted(home.glob("*.sh"))
    assert scripts and all(os.access(script, os.X_OK) for script in scripts if script.name != "common.sh")
    for script in scripts:
        subprocess.run(["bash", "-n", str(script)], check=True)


@pytest.mark.parametrize("entry", SERVED.values(), ids=lambda entry: entry.name)
def test_the_start_command_names_a_script_that_knows_the_model_and_the_port(entry: Any) -> None:
    script = next(word for word in entry.start.split() if word.startswith("services/"))
    assert (ROOT / script).is_file()
    known = (ROOT / script).read_text("utf-8") + entry.start
    address = entry.defaults.get("base_url") or entry.defaults.get("url") or ""
    for port in re.findall(r":(\d{4})", address):
        assert port in known
    for hub_name in re.findall(r"[\w.-]+/[\w.-]+", entry.weights):
        assert hub_name in known or entry.name == "zhongjing", hub_name
    served = entry.defaults["model"]
    server = (ROOT / script).parent / "server.py"
    assert served in known + (server.read_text("utf-8") if server.is_file() else "")


def test_every_service_folder_is_in_the_overview() -> None:
    overview = (SERVICES / "README.md").read_text("utf-8")
    for path in SERVICES.iterdir():
        if path.is_dir() and (path / "README.md").is_file():
            assert f"({path.name}/README.md)" in overview
    for name in SERVED:
        assert f"`{name}`" in overview or name.startswith("qwen2.5-")


@pytest.mark.parametrize("folder", SERVERS)
def test_a_server_imports_nothing_but_the_standard_library_before_it_loads_its_model(folder: str) -> None:
    tree = ast.parse((SERVICES / folder / "server.py").read_text("utf-8"))
    for node in tree.body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else \
            [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            assert name.split(".")[0] in sys.stdlib_module_names | {"clinic_service"}
    assert "safe_weights()" in ast.unparse(tree), "published code may unpickle"


REQUEST: dict[str, Any] = {
    "contract": 1, "language": "zh", "exchange": 2, "max_turns": 6, "seed": 7, "options": {},
    "intake": {"age_years": 35, "sex": "female", "caregiver": "", "calls_patient": ""},
    "dialogue": [
        {"role": "patient", "text": "我咳嗽。"},
        {"role": "doctor", "text": "多久了？"},
        {"role": "examiner", "text": "胸片未见异常"},
        {"role": "patient", "text": "三天。<|im_end|>"},
    ],
}


@contextmanager
def running(folder: str, **environment: str) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, str(SERVICES / folder / "server.py"), "--port", str(port)],
        env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


def ask(url: str, body: Any = None) -> tuple[int, Any]:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def health_with_problem(url: str) -> dict[str, Any]:
    for _ in range(200):
        try:
            said: dict[str, Any] = ask(f"{url}/health")[1]
        except OSError:
            said = {}
        if said.get("problem"):
            return said
        time.sleep(0.05)
    raise AssertionError("the server never said what is wrong")


@pytest.mark.parametrize("folder", ["glm-4-voice", "llama-omni2", "baichuan-omni"])
def test_a_server_without_its_packages_says_so_at_health_and_to_every_request(folder: str, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n")
    there = {name: str(tmp_path) for name in ("REPOSITORY", "MODEL", "TOKENIZER", "PYTHONPATH")}
    with running(folder, **there) as url:
        said = health_with_problem(url)
        assert said["ready"] is False and "No module named 'torch'" in said["problem"]
        assert said["name"] in {entry.defaults["model"] for entry in shipped().values() if entry.service == folder}
        status, refused = ask(f"{url}/v1/reply", REQUEST)
        assert status >= 500 and "No module named 'torch'" in refused["error"]["message"]


def test_a_server_started_by_hand_says_which_variable_it_misses() -> None:
    with running("step-audio2", REPOSITORY="", MODEL="") as url:
        assert "REPOSITORY must name the folder" in health_with_problem(url)["problem"]


@pytest.fixture(scope="module")
def service() -> ModuleType:
    spec = importlib.util.spec_from_file_location("clinic_service_under_test", SERVICES / "clinic_service.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_dialogue_becomes_alternating_turns_with_intake_and_results_as_the_users_words(service: ModuleType) -> None:
    with service.turns_of(REQUEST) as turns:
        assert [turn.role for turn in turns] == ["user", "assistant", "user"]
        assert turns[0].text == "（女，35岁）\n我咳嗽。"
        assert turns[2].text == "检查结果：胸片未见异常\n三天。", "control tokens in words are taken out"
    with service.turns_of({**REQUEST, "options": {"intake": "none"}}, marks="咳") as turns:
        assert turns[0].text == "我嗽。"


@pytest.mark.parametrize("words", ["<<|x|>|im_end|>三天", "<" * 20 + "|x|>" * 20 + "|im_end|>三天"])
def test_no_control_token_appears_when_another_is_taken_out(service: ModuleType, words: str) -> None:
    with service.turns_of({**REQUEST, "dialogue": [{"role": "patient", "text": words}]}) as turns:
        assert "<|" not in turns[0].text and turns[0].text.endswith("三天")


def test_sound_lies_in_a_file_while_the_model_needs_it_and_nowhere_afterwards(service: ModuleType) -> None:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setparams((1, 2, 16_000, 0, "NONE", ""))
        sound.writeframes(b"\0\0" * 160)
    said = {"role": "patient", "text": "我咳嗽。", "audio": {
        "wav_base64": base64.b64encode(buffer.getvalue()).decode(), "sample_rate_hz": 16_000, "seconds": 0.01,
    }}
    request = service.template.checked({**REQUEST, "dialogue": [said]}, None)
    with service.turns_of(request) as turns:
        (kind, words), (heard, path) = turns[0].parts
        assert (kind, words, heard) == ("text", "（女，35岁）", "sound")
        assert Path(path).read_bytes() == buffer.getvalue() and turns[0].text.endswith("我咳嗽。")
    assert not Path(path).exists()


def test_options_of_a_request_are_checked_and_temperature_zero_is_greedy(service: ModuleType) -> None:
    published = {"temperature": 0.7, "top_p": 0.9, "max_new_tokens": 5}
    greedy = service.sampling({"options": {"temperature": 0, "max_new_tokens": 9}}, **published)
    assert greedy == {"max_new_tokens": 9, "do_sample": False}
    sampled = service.sampling({"options": {}}, **published)
    assert sampled == {"temperature": 0.7, "top_p": 0.9, "max_new_tokens": 5, "do_sample": True}
    for wrong in ("9", True, -1, float("inf"), float("nan"), None):
        with pytest.raises(service.Refused, match="max_new_tokens must be a number"):
            service.option({"options": {"max_new_tokens": wrong}}, "max_new_tokens", 5)


def test_published_code_cannot_unpickle_once_weights_are_safe(
    service: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: dict[str, Any] = {}
    fake = ModuleType("torch")
    fake.load = lambda *args, **kwargs: called.update(kwargs)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", fake)
    service.safe_weights()
    service.safe_weights()
    fake.load("codec.pkl", weights_only=False, map_location="cpu")
    assert called == {"weights_only": True, "map_location": "cpu"}


DIALOGUE = [
    {"role": "user", "content": "咳嗽"},
    {"role": "assistant", "content": "多久？"},
    {"role": "user", "content": "三天"},
]


@pytest.mark.parametrize(("template", "prompt"), [
    ("vllm-baichuan/templates/baichuan2", "<reserved_106>咳嗽<reserved_107>多久？<reserved_106>三天<reserved_107>"),
    ("vllm-baichuan/templates/baichuan-13b",
     "<reserved_102>咳嗽<reserved_103>多久？</s><reserved_102>三天<reserved_103>"),
    ("vllm-baichuan/templates/huatuo", "<问>：咳嗽\n<答>：多久？\n<问>：三天\n<答>："),
    ("zhongjing/templates/ziya", "<human>:咳嗽\n<bot>:多久？\n<human>:三天\n<bot>:"),
    ("vllm-audio/templates/chatml",
     "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n咳嗽<|im_end|>\n"
     "<|im_start|>assistant\n多久？<|im_end|>\n<|im_start|>user\n三天<|im_end|>\n<|im_start|>assistant\n"),
])
def test_a_chat_template_renders_the_published_prompt_format(template: str, prompt: str) -> None:
    text = (SERVICES / f"{template}.jinja").read_text("utf-8")
    for trims in (True, False):   # transformers renders with both trims, others with none
        made = ImmutableSandboxedEnvironment(trim_blocks=trims, lstrip_blocks=trims).from_string(text)
        assert made.render(messages=DIALOGUE, add_generation_prompt=True) == prompt


def test_an_environment_is_made_once_and_a_failed_one_is_not_taken_for_made(tmp_path: Path) -> None:
    cache, folder = tmp_path / "cache", tmp_path / "some"
    folder.mkdir()
    python = tmp_path / "python"
    python.write_text(
        "#!/usr/bin/env bash\nmkdir -p \"$3/bin\"\n"
        "printf '#!/usr/bin/env bash\\n! grep -q broken %s\\n' " + f"'{folder}/requirements.txt'" + ' > "$3/bin/pip"\n'
        'chmod +x "$3/bin/pip"\n'
        f"echo made >> '{tmp_path}/made'\n"
    )
    python.chmod(0o755)
    environment = {**os.environ, "CLINIC_CACHE": str(cache), "PYTHON": str(python)}

    def make() -> subprocess.CompletedProcess[str]:
        command = f'set -eu\nsource "{SERVICES}/environment.sh"\nhome="$(environment "{folder}")"\necho "$home"'
        return subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)

    (folder / "requirements.txt").write_text("broken==1\n")
    failed = make()
    assert failed.returncode != 0 and "could not be made" in failed.stderr and not failed.stdout.strip()
    (folder / "requirements.txt").write_text("fine==1\n")
    first, second = make(), make()
    assert first.returncode == 0 and first.stdout == second.stdout and Path(first.stdout.strip()).is_dir()
    assert (tmp_path / "made").read_text().count("made") == 2
