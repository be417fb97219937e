"""A score of how natural speech sounds (UTMOS and its like), by a model that the person brings; it has none itself.

UTMOS (Saeki et al. 2022) predicts the mean opinion score of listeners, 1 to 5, from the sound alone. Three ways to
name a scorer, told apart by how they look:

- ``http://...``: a server. The sound is posted as a 16 kHz WAV (audio/wav); the answer is a number, or a JSON object
  with the number under ``utmos``, ``score`` or ``mos``.
- a file ``.onnx``, or TorchScript ``.pt``, ``.pth``, ``.ts``, ``.jit``: its input is the waveform, float32 of shape
  (1, samples) or (samples,) at 16 kHz, and, where it has a second one, the sample rate; its output a scalar or (1,).
  A pickled checkpoint is refused: reading one can run whatever is in it.
- ``module:callable``: installed by the person; takes a ``Sound`` and returns a float.
"""

from __future__ import annotations

import importlib
import json
import math
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from agents.sound.wave import Samples, Sound, resampled, wav_bytes
from scenarios.errors import ClinicError, InputError, MissingExtra

RATE_HZ = 16_000
TIMEOUT_S = 60.0
Scorer = Callable[[Sound], float]
_CALLABLE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_TORCHSCRIPT = frozenset({".pt", ".pth", ".ts", ".jit"})
_KEYS = ("utmos", "score", "mos")


class NoScore(ClinicError):
    """The scorer gave no number for one sound; the message says why."""


def scorer(name: str) -> Scorer:
    """Return the scorer called ``name``; it raises NoScore for a sound that it cannot score.

    Raises:
        InputError: no such file, module or callable, or a file that is no model of these formats.
        MissingExtra: onnxruntime or torch is needed and not installed.
    """
    if name.startswith(("http://", "https://")):
        made = _server(name)
    elif Path(name).suffix == ".onnx":
        made = _onnx(_file(name))
    elif Path(name).suffix in _TORCHSCRIPT:
        made = _torchscript(_file(name))
    elif _CALLABLE.fullmatch(name):
        made = _callable(name)
    else:
        raise InputError(
            f"{name!r} names no scorer. Give module:callable, a model file (.onnx, or TorchScript .pt) or http://..."
        )
    return lambda sound: _number(made(sound))


def _number(value: float) -> float:
    try:
        score = float(value)
    except (TypeError, ValueError) as error:
        raise NoScore(f"the scorer returned no number but {type(value).__name__}") from error
    if not math.isfinite(score):
        raise NoScore(f"the scorer returned {score}")
    return round(score, 4)


def _file(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise InputError(f"there is no scorer {name!r}")
    return path


def _callable(name: str) -> Scorer:
    module, _, attribute = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise InputError(f"scorer {name!r}: {error}. It must be installed beside the clinic.") from error
    if not callable(found):
        raise InputError(f"scorer {name!r} is {type(found).__name__}, which cannot be called")

    def score(sound: Sound) -> float:
        try:
            return found(sound)  # type: ignore[no-any-return]
        except Exception as error:  # noqa: BLE001 - code of somebody else: whatever it raises is one sound's problem
            raise NoScore(f"{type(error).__name__}: {error}") from error

    return score


def _onnx(path: Path) -> Scorer:
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise MissingExtra("a scorer in ONNX", "voice") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - onnxruntime's errors share no base but Exception
        raise InputError(f"{path} is no ONNX model that can be loaded: {error}") from error
    inputs = session.get_inputs()
    rank = len(inputs[0].shape) if inputs else 0
    if rank not in (1, 2) or len(inputs) > 2:
        shown = ", ".join(f"{one.name}{one.shape}" for one in inputs)
        raise InputError(f"{path} takes {shown or 'nothing'}, not a waveform (1, samples) and at most a rate")

    def score(sound: Sound) -> float:
        wave = _waveform(sound, rank)
        fed = {inputs[0].name: wave}
        if len(inputs) == 2:
            kind = np.float32 if "float" in inputs[1].type else np.int32 if "int32" in inputs[1].type else np.int64
            fed[inputs[1].name] = np.full([1] * len(inputs[1].shape), RATE_HZ, kind)
        try:
            return _only(np.asarray(session.run(None, fed)[0]))
        except NoScore:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            raise NoScore(f"the model cannot score this sound: {error}") from error

    return score


def _torchscript(path: Path) -> Scorer:
    """Return a scorer of a TorchScript archive; only the archive's own, restricted reader sees the file."""
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingExtra("a scorer in TorchScript", "speech") from error
    if not _is_torchscript(path):
        raise InputError(f"{path} is no TorchScript archive: save the model with torch.jit.save (pickles are not read)")
    try:
        model: Any = torch.jit.load(str(path), map_location="cpu").eval()
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{path} cannot be loaded: {str(error).splitlines()[0]}") from error
    takes_rate = len(model.forward.schema.arguments) > 2  # self and the waveform

    def score(sound: Sound) -> float:
        wave = torch.from_numpy(_waveform(sound, 2))
        try:
            with torch.inference_mode():
                return _only(np.asarray((model(wave, RATE_HZ) if takes_rate else model(wave)).numpy()))
        except (RuntimeError, TypeError, AttributeError) as error:
            raise NoScore(f"the model cannot score this sound: {str(error).strip().splitlines()[-1]}") from error

    return score


def _is_torchscript(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.partition("/")[2] == "constants.pkl" for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _server(address: str) -> Scorer:
    import httpx

    client = httpx.Client(timeout=TIMEOUT_S)

    def score(sound: Sound) -> float:
        try:
            answer = client.post(
                address, content=wav_bytes(resampled(sound, RATE_HZ)), headers={"Content-Type": "audio/wav"}
            )
            answer.raise_for_status()
            return _said(answer.text)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoScore(f"{address}: {error or type(error).__name__}") from error

    return score


def _said(text: str) -> float:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise NoScore(f"the scorer answered no number but {text[:80]!r}") from error
    if isinstance(value, dict):
        value = next((value[key] for key in _KEYS if key in value), None)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NoScore(f"the scorer answered no number but {text[:80]!r}")
    return float(value)


def _waveform(sound: Sound, rank: int) -> Samples:
    samples = np.ascontiguousarray(resampled(sound, RATE_HZ).samples, np.float32)
    return samples[None] if rank == 2 else samples


def _only(output: Any) -> float:
    if output.size != 1:
        raise NoScore(f"the model returned {output.size} numbers, not one")
    return float(output.reshape(()))
