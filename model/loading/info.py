"""What a loaded checkpoint is, for people, logs and result tables; it knows no loading."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model.loading.fingerprint import fingerprint
from model.loading.folder import Folder
from model.loading.published import Format
from model.speech_lm import SpeechLM


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """What was loaded.

    ``name``: of the folder or repository. ``parameters``: how many numbers, tied ones once. ``fingerprint``: see
    model/loading/fingerprint.py. ``speaks``: text becomes sound (a speech generator and a vocoder are there).
    ``languages``: that the published models of this name and layout were made for. ``text_only``: it has no speech
    generator. ``repetition_penalty``: that the checkpoint's ``generation_config.json`` asks for (1: none).
    """

    name: str
    format: Format
    parameters: int
    folder: str
    fingerprint: str
    speaks: bool
    languages: tuple[str, ...]
    text_only: bool
    repetition_penalty: float = 1.0


def describe(
    asked: str | Path, parts: Sequence[Folder], extra: str, layout: Format, model: SpeechLM, parameters: int,
    voiced: bool,
) -> CheckpointInfo:  # fmt: skip
    """Return what is known of a loaded checkpoint.

    Args:
        asked: folder or repository as it was named.
        parts: the checkpoint's folder, then its vocoder's and its adapter's.
        extra: what else made the model different, such as its quantization.
        layout: in which it was stored.
        model: filled.
        parameters: how many numbers it has.
        voiced: it has a vocoder.
    """
    source = parts[0].path
    name = source.resolve().name if Path(asked).expanduser().is_dir() else str(asked)
    penalty = model.generation_config.repetition_penalty if model.generation_config is not None else None
    return CheckpointInfo(
        name=name, format=layout, parameters=parameters, folder=str(source), fingerprint=fingerprint(parts, extra),
        speaks=voiced and model.speech_generator is not None, languages=_languages(name, layout),
        text_only=model.speech_generator is None, repetition_penalty=float(penalty or 1.0),
    )  # fmt: skip


def _languages(name: str, layout: Format) -> tuple[str, ...]:
    """LLaMA-Omni2 was made for English; its bilingual models, and what was built on them, for Chinese too."""
    english = layout == "llama-omni2" and re.fullmatch(r"(.*/)?LLaMA-Omni2-[\d.]+B", name)
    return ("en",) if english else ("zh", "en")
