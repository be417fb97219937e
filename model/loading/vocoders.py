"""Opens a checkpoint's vocoder, or another one, by what lies in its folder; it knows kinds, no network."""

from __future__ import annotations

import threading
from pathlib import Path

import torch

from model.codec import Codec, CodecConfig
from model.errors import CheckpointError
from model.loading.folder import Folder
from model.vocoder.base import Vocoder
from model.vocoder.codec_vocoder import CodecVocoder
from model.vocoder.cosyvoice import CosyVoice2Vocoder
from model.vocoder.speaker import NETWORK, RECORDINGS, recording, xvector_of_sound
from model.vocoder.weights import filled

_MAKING = threading.Lock()
"""transformers replaces torch's initialisers while it makes a model; two at once could leave them replaced."""

SPEAKERS = ("speaker.npy", "speaker.safetensors", "spk2info.pt")
KINDS = ("codec", "cosyvoice2")


def open_vocoder(
    folder: Folder, device: torch.device, speaker: str | Path | None, voice: str | None, units: int
) -> Vocoder:
    """Return the vocoder in a folder.

    Args:
        folder: our codec's, or CosyVoice2's (``flow.*``, ``hift.*``: ICTNLP/cosy2_decoder, CosyVoice2-0.5B). Its
            ``config.json`` may say which with ``kind``.
        device: where it computes; in float32.
        speaker: file of the speaker's x-vector for CosyVoice2, or a recording of the speaker (0.5 to 30 s; the folder's
            ``campplus.onnx`` makes the x-vector); None: the first of speaker.npy, speaker.safetensors and
            spk2info.pt in the folder.
        voice: which one, where the file has several.
        units: how many the model makes.

    Raises:
        CheckpointError: no vocoder, or one that cannot be used.
    """
    for name in folder.names():
        if not folder.path.joinpath(name).is_dir() or folder.path.joinpath(name).is_symlink():
            folder.file(name)
    made: Vocoder = _codec(folder, device) if _kind(folder) == "codec" else _cosyvoice(folder, device, speaker, voice)
    if made.codebook != units:
        raise CheckpointError(str(folder), f"the vocoder has {made.codebook} units, the model makes {units}")
    return made


def _codec(folder: Folder, device: torch.device) -> CodecVocoder:
    # not its from_pretrained, which changes transformers' classes while it loads
    try:
        config = CodecConfig.from_pretrained(folder.path, local_files_only=True)
        with _MAKING:
            codec = Codec(config)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        why = f"no codec can be made of its configuration: {' '.join(str(error).split())[:300]}"
        raise CheckpointError(str(folder.path / "config.json"), why) from error
    codec = filled(codec, folder.path / "model.safetensors")
    codec.to(device)  # type: ignore[arg-type]
    return CodecVocoder(codec)


def _cosyvoice(
    folder: Folder, device: torch.device, speaker: str | Path | None, voice: str | None
) -> CosyVoice2Vocoder:
    found = Path(speaker) if speaker is not None else next(filter(None, map(folder.file, SPEAKERS)), None)
    if found is None:
        raise CheckpointError(
            str(folder), f"CosyVoice2 needs a speaker's x-vector: put one of {', '.join(SPEAKERS)} there or name a file"
        )
    heard = xvector_of_sound(folder.path / NETWORK, recording(found)) if found.suffix.lower() in RECORDINGS else found
    return CosyVoice2Vocoder.from_folder(folder.path, heard, voice=voice).to(device)


def _kind(folder: Folder) -> str:
    config = folder.json("config.json", needed=False)
    kind = config.get("kind")
    if kind is None and config.get("model_type") == "clinic_codec":
        kind = "codec"
    if kind is None and any(folder.file(f"flow{suffix}") for suffix in (".safetensors", ".pt", ".pth")):
        kind = "cosyvoice2"
    if kind not in KINDS:
        raise CheckpointError(str(folder), f"its vocoder is {kind!r}; known are {', '.join(KINDS)}")
    return str(kind)
