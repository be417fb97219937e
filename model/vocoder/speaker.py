"""Makes the x-vector of whoever speaks in a recording, for CosyVoice2; it knows one network file, no voice.

The network is CAM++ (Wang et al. 2023, arXiv 2303.00332), which the published vocoder folders hold as
``campplus.onnx``; it takes Kaldi's 80 log-mel filter banks less their mean over time, without dither.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from model.errors import BadSound, CheckpointError, NeedsPackage

NETWORK = "campplus.onnx"
RECORDINGS = (".wav", ".flac", ".ogg", ".mp3")
RATE_HZ, BANDS, LEAST_S, MOST_S = 16_000, 80, 0.5, 30.0


def xvector_of_sound(network: Path, samples: np.ndarray) -> Tensor:
    """Return the x-vector ``[192]`` of a recording.

    Args:
        network: ``campplus.onnx``.
        samples: float32 [n] at 16 kHz, half a second to 30 s.

    Raises:
        BadSound: too short, too long or not finite.
        CheckpointError: the network is missing or is another one.
        NeedsPackage: onnxruntime or kaldi-native-fbank is not installed.
    """
    if samples.ndim != 1 or not LEAST_S <= len(samples) / RATE_HZ <= MOST_S or not np.isfinite(samples).all():
        raise BadSound(f"a speaker's recording is {LEAST_S} to {MOST_S:.0f} s of finite samples at 16 kHz, one channel")
    if not network.is_file():
        raise CheckpointError(str(network), f"is not there: a speaker's recording needs {NETWORK} beside the vocoder")
    for package, module in (("onnxruntime", "onnxruntime"), ("kaldi-native-fbank", "kaldi_native_fbank")):
        if find_spec(module) is None:
            raise NeedsPackage("a speaker from a recording", package)
    import onnxruntime

    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 3
    features = filter_banks(samples)
    try:
        session = onnxruntime.InferenceSession(str(network), quiet, providers=["CPUExecutionProvider"])
        made = session.run(None, {session.get_inputs()[0].name: (features - features.mean(axis=0))[None]})[0]
    except Exception as error:  # noqa: BLE001 - onnxruntime's errors share no other base
        raise CheckpointError(str(network), f"cannot be run: {' '.join(str(error).split())[:200]}") from error
    return torch.from_numpy(np.asarray(made, dtype=np.float32)).flatten()


def recording(file: Path) -> np.ndarray:
    """Return a sound file as float32 [n], 16 kHz, its channels mixed. Raises BadSound, NeedsPackage."""
    for package in ("soundfile", "soxr"):
        if find_spec(package) is None:
            raise NeedsPackage("a speaker from a recording", package)
    import soundfile
    import soxr

    try:
        samples, rate = soundfile.read(str(file), dtype="float32", always_2d=True, frames=int(MOST_S * 200_000))
    except (OSError, RuntimeError) as error:
        raise BadSound(f"{file}: is no sound that can be read: {error}") from error
    return np.asarray(soxr.resample(samples.mean(axis=1), rate, RATE_HZ), dtype=np.float32)


def filter_banks(samples: np.ndarray) -> np.ndarray:
    """Return Kaldi's log-mel filter banks, float32 [frames, 80]: 25 ms windows every 10 ms."""
    import kaldi_native_fbank

    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = RATE_HZ
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = BANDS
    banks = kaldi_native_fbank.OnlineFbank(options)
    banks.accept_waveform(RATE_HZ, samples.astype(np.float32).tolist())
    banks.input_finished()
    return np.stack([banks.get_frame(index) for index in range(banks.num_frames_ready)])
