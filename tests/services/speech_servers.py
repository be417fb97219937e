"""Starts speech servers as real processes, and writes stand-ins for the published packages that two of them use.

A stand-in has the public names and signatures of the repository at the pinned commit, which are facts about it; inside
it makes a tone whose pitch follows from the reference, with noise from torch's own generator. So the servers' code runs
as it is, on everything but the model.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue

from tests.conftest import ROOT

SERVICES = ROOT / "services"

TONE = '''
import hashlib
import math

import torch


def tone(text, reference, rate, speed=1.0):
    """Return a tone of 0.12 s a character, with torch's noise in it."""
    pitch = 100 + int(hashlib.sha256(reference).hexdigest(), 16) % 200
    turns = torch.arange(int(0.12 * len(text) * rate / speed)) * (2 * math.pi * pitch / rate)
    return 0.3 * torch.sin(turns) + 0.01 * torch.rand(len(turns))
'''

COSYVOICE = '''
import threading
import time
import uuid

import torch
from stand_in_tone import tone


class Model:
    def __init__(self):
        self.token_hop_len = 25
        self.tts_speech_token_dict, self.llm_end_dict = {}, {}

    def llm_job(self, text, prompt_text, llm_prompt_speech_token, llm_embedding, uuid):
        if "UNSAYABLE" in text:
            raise RuntimeError("no token can be sampled")
        self.tts_speech_token_dict[uuid] = tone(text, prompt_text, 24000)
        self.llm_end_dict[uuid] = True

    def tts(self, text, speaker, stream, speed):
        this_uuid = str(uuid.uuid1())
        self.llm_end_dict[this_uuid] = False
        job = threading.Thread(target=self.llm_job, args=(text, speaker, None, None, this_uuid))
        job.start()
        if not stream:
            job.join()
            samples = self.tts_speech_token_dict[this_uuid]
            yield {"tts_speech": samples[None, ::2] if speed > 1 else samples[None]}
            return
        while not self.llm_end_dict[this_uuid]:
            time.sleep(0.01)
        samples = self.tts_speech_token_dict.get(this_uuid, torch.zeros(0))
        step = self.token_hop_len * 960
        self.token_hop_len = 100
        for start in range(0, len(samples), step):
            samples[start] = 0.0  # where the parts meet can be heard
            yield {"tts_speech": samples[None, start:start + step]}


class Frontend:
    def __init__(self):
        self.spk2info = {}


class CosyVoice2:
    def __init__(self, model_dir, load_jit=False, load_trt=False, load_vllm=False, fp16=False, trt_concurrent=1):
        self.sample_rate, self.model, self.frontend = 24000, Model(), Frontend()

    def add_zero_shot_spk(self, prompt_text, prompt_wav, zero_shot_spk_id):
        assert zero_shot_spk_id != ""
        with open(prompt_wav, "rb") as file:
            self.frontend.spk2info[zero_shot_spk_id] = file.read() + prompt_text.encode()
        return True

    def inference_zero_shot(self, tts_text, prompt_text, prompt_wav, zero_shot_spk_id="", stream=False, speed=1.0,
                            text_frontend=True):
        assert len(tts_text) <= 80 and text_frontend is False
        assert not (stream and speed != 1.0), "speed change only support non-stream inference mode"
        yield from self.model.tts(tts_text, self.frontend.spk2info[zero_shot_spk_id], stream, speed)
'''

ENGINE = '''
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from fish_speech.utils import set_seed
from stand_in_tone import tone


@dataclass
class InferenceResult:
    code: Any
    audio: Any
    error: Any


class TTSInferenceEngine:
    def __init__(self, llama_queue, decoder_model, precision, compile):
        assert llama_queue == "jobs" and decoder_model == "modded_dac_vq"
        self.ref_by_id, self.ref_by_hash = {}, {}

    def inference(self, req):
        known = b""
        for reference in req.references:
            digest = sha256(reference.audio).hexdigest()
            known, _ = self.ref_by_hash.setdefault(digest, (reference.audio + reference.text.encode(), reference.text))
        set_seed(req.seed)
        if "UNSAYABLE" in req.text:
            yield InferenceResult("error", None, RuntimeError("CUDA out of memory"))
            return
        text = "x" * 400 if "ENDLESS" in req.text else req.text
        yield InferenceResult("final", (44100, tone(text, known, 44100).numpy()), None)
'''

SCHEMA = '''
from typing import Annotated, Literal

from pydantic import BaseModel, Field


class ServeReferenceAudio(BaseModel):
    audio: bytes
    text: str


class ServeTTSRequest(BaseModel):
    text: str
    chunk_length: int = 200
    format: Literal["wav", "pcm", "mp3"] = "wav"
    references: list[ServeReferenceAudio] = []
    reference_id: str | None = None
    seed: int | None = None
    use_memory_cache: Literal["on", "off"] = "off"
    normalize: bool = True
    streaming: bool = False
    max_new_tokens: int = 1024
    top_p: Annotated[float, Field(ge=0.1, le=1.0, strict=True)] = 0.8
    repetition_penalty: Annotated[float, Field(ge=0.9, le=2.0, strict=True)] = 1.1
    temperature: Annotated[float, Field(ge=0.1, le=1.0, strict=True)] = 0.8
'''

RECIPE = "sample_rate: 24000\nseed: !apply:torch.manual_seed [1986]\nllm: !new:cosyvoice.llm.llm.Qwen2LM\n    x: 1\n"
PACKAGES = {
    "cosyvoice": {
        "stand_in_tone.py": TONE, "cosyvoice/__init__.py": "", "cosyvoice/cli/__init__.py": "",
        "cosyvoice/cli/cosyvoice.py": COSYVOICE, "weights/cosyvoice2.yaml": RECIPE,
    },
    "fish-speech": {
        "stand_in_tone.py": TONE, "fish_speech/__init__.py": "",
        "fish_speech/inference_engine/__init__.py": ENGINE,
        "fish_speech/utils/__init__.py": "import torch\n\n\ndef set_seed(seed):\n    torch.manual_seed(seed)\n",
        "fish_speech/utils/schema.py": SCHEMA,
        "fish_speech/models/__init__.py": "", "fish_speech/models/dac/__init__.py": "",
        "fish_speech/models/dac/inference.py":
            "def load_model(config_name, checkpoint_path, device='cuda'):\n    return config_name\n",
        "fish_speech/models/text2semantic/__init__.py": "",
        "fish_speech/models/text2semantic/inference.py":
            "def launch_thread_safe_queue(checkpoint_path, device, precision, compile=False):\n    return 'jobs'\n",
        **{f"weights/{name}": "x" for name in ("config.json", "model.pth", "tokenizer.tiktoken", "codec.pth")},
    },
}


def stand_in(service: str, folder: Path) -> dict[str, str]:
    """Write the packages of a service and return the environment that its start script would set."""
    for name, content in PACKAGES[service].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    return {"REPOSITORY": str(folder), "MODEL": str(folder / "weights"), "CUDA_VISIBLE_DEVICES": ""}


@contextmanager
def speech_server(service: str, *arguments: str, file: Path | None = None, **environment: str) -> Iterator[str]:
    """Run a service's server on a free port; yields its address."""
    command = [sys.executable, str(file or SERVICES / service / "server.py"), "--port", "0", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
    try:
        yield _address(process)
    finally:
        process.terminate()
        process.wait(10)
        assert process.stderr is not None
        process.stderr.close()


def _address(process: subprocess.Popen[str]) -> str:
    """Read until the server says where it listens, and go on reading so that its pipe never fills."""
    found: Queue[str] = Queue()

    def read() -> None:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if "listening on " in line:
                    found.put(line.split("listening on ")[1].strip())
        except ValueError:
            return

    threading.Thread(target=read, daemon=True).start()
    try:
        return found.get(timeout=20)
    except Empty:
        raise AssertionError("the server did not start") from None
