"""vLLM in this process: really, in vLLM's own environment, and with a clear word where vLLM is not installed."""

from __future__ import annotations

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from agents.llm.client import open_model
from agents.llm.options import LLMOptions
from scenarios.errors import AgentFailure, InputError
from tests.agents.llm.setting import MESSAGES, model_at
from tests.tiny_server import TinyServer

CPU = {
    "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "OMP_NUM_THREADS": "1", "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}
PLAIN = ("-o", "addopts=--import-mode=importlib")


@pytest.mark.timeout(600)
async def test_the_engine_in_this_process_keeps_what_the_client_promises(
    root: Path, vllm_python: Path, tiny_model_folder: Path, tiny_server: TinyServer
) -> None:
    async with model_at(tiny_server.url, model=tiny_server.models[0]) as model:
        said = (await model.say(MESSAGES, seed=7, max_tokens=40)).text
    case = Path(__file__).with_name("in_process_case.py")
    env = {**os.environ, **CPU, "PYTHONPATH": str(root), "CLINIC_TINY_MODEL": str(tiny_model_folder)}
    done = subprocess.run(
        [str(vllm_python), "-m", "pytest", "-p", "no:cacheprovider", "--noconftest", *PLAIN, str(case)],
        cwd=root, env={**env, "CLINIC_SERVER_SAID": said}, capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "8 passed" in done.stdout, done.stdout[-500:]


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed here")
async def test_without_vllm_the_way_to_it_is_told() -> None:
    model = open_model(LLMOptions(model="folder", engine="in-process"), "doctor")
    with pytest.raises(InputError, match=r"services/vllm/install.sh gpu.*engine: server"):
        await model.preflight(100)
    with pytest.raises(AgentFailure, match="needs vLLM") as caught:
        await model.say(MESSAGES, seed=1)
    assert caught.value.owner == "infrastructure"
