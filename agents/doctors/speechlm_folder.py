"""Finds a SpeechLM's checkpoint on this disk and reads what its small files tell; it imports no tensor, loads nothing.

A name on the model hub is looked up in the hub's cache; nothing is downloaded. File contents are data: JSON and the
headers of safetensors, within bounds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from scenarios.errors import InputError, MissingExtra

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
INDEX, WHOLE, CONFIG = "model.safetensors.index.json", "model.safetensors", "config.json"
VOICE = "speech_generator."
_SYSTEM = re.compile(r"<\|im_start\|>system(?:\\n|\n)([^<{}'\"\\]{1,4000})<\|im_end\|>")
_JSON_BYTES, _HEADER_BYTES = 16 << 20, 64 << 20


@dataclass(frozen=True, slots=True)
class Facts:
    """What a checkpoint's folder tells.

    ``vocoder``: its folder, None without one. ``generates_units``: the weights hold a speech generator; with a vocoder
    the model ``speaks``. ``padded``: an utterance takes 300 positions whatever its length. ``context``: positions of a
    prompt with its answer at most. ``system``: the system message that its chat template gives to dialogues that have
    none, '' where it states none in plain words.
    """

    folder: Path
    vocoder: Path | None
    generates_units: bool
    padded: bool
    context: int
    repetition_penalty: float
    system: str

    @property
    def speaks(self) -> bool:
        """Whether it can answer in its own voice."""
        return self.generates_units and self.vocoder is not None


def facts_of(checkpoint: str, revision: str, vocoder: str, *, writes: bool = False) -> Facts:
    """Return what the files of ``checkpoint`` tell; one that only ``writes`` may lack the vocoder that is named.

    Raises:
        InputError: they are not here or cannot be read.
    """
    folder = located(checkpoint, "checkpoint", revision)
    config = _json(folder / CONFIG)
    published = config.get("model_type") != "clinic_speechlm"
    own = folder / "vocoder"
    sound = own if own.is_dir() else None
    if vocoder:
        try:
            sound = located(vocoder, "vocoder")
        except InputError:
            if not writes:
                raise
    generation = folder / "generation_config.json"
    penalty = _json(generation).get("repetition_penalty") if generation.is_file() else None
    length, context = config.get("speech_length"), config.get("tokenizer_model_max_length")
    return Facts(
        folder, sound, any(key.startswith(VOICE) for key in weight_names(folder)),
        padded=length != "real" if isinstance(length, str) else published,
        context=context if isinstance(context, int) and context > 0 else 4096,
        repetition_penalty=float(penalty) if isinstance(penalty, int | float) and penalty > 0 else 1.0,
        system=own_system(folder),
    )


def located(name: str, option: str, revision: str = "") -> Path:
    """Return the folder that ``name`` (a folder, or a name on the model hub) stands for. Raises InputError."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    where = f"doctor 'speechlm', option {option!r}:"
    if not HUB_NAME.fullmatch(name):
        raise InputError(
            f"{where} there is no folder {name}. Name a folder with config.json and model.safetensors, or a model of "
            "the hub such as ICTNLP/LLaMA-Omni2-0.5B"
        )
    try:
        hub = import_module("huggingface_hub")
    except ModuleNotFoundError as error:
        raise MissingExtra("doctor 'speechlm'", "speech") from error
    try:
        return Path(hub.snapshot_download(name, revision=revision or None, local_files_only=True))
    except (OSError, ValueError) as error:  # not in the cache; LocalEntryNotFoundError is both
        pinned = f" --revision {revision}" if revision else ""
        raise InputError(
            f"{where} there is no folder {name}, and the hub's model of that name is not in the cache of this machine; "
            f"nothing is downloaded unasked. Get it once with: hf download {name}{pinned}"
        ) from error


def own_system(folder: Path) -> str:
    """Return the system message that stands in a checkpoint's chat template; the template is read, never run."""
    file, told = folder / "chat_template.jinja", folder / "tokenizer_config.json"
    template: Any = _text(file) if file.is_file() else _json(told).get("chat_template") if told.is_file() else ""
    found = _SYSTEM.search(template) if isinstance(template, str) else None
    return found[1].strip() if found else ""


def weight_names(folder: Path) -> Iterable[str]:
    """Return the names of a checkpoint's tensors, from its index or its one file. Raises InputError."""
    if (folder / INDEX).is_file():
        names = _json(folder / INDEX).get("weight_map")
        if not isinstance(names, dict):
            raise InputError(f"{folder / INDEX} has no weight_map: download it again")
        return names
    file = folder / WHOLE
    try:
        with file.open("rb") as opened:
            size = int.from_bytes(opened.read(8), "little")
            if not 2 <= size <= _HEADER_BYTES:
                raise ValueError("its header has no usable length")
            header = json.loads(opened.read(size))
    except OSError as error:
        raise InputError(
            f"{folder} holds no weights: neither {WHOLE} nor {INDEX} ({error.strerror}). Is it a SpeechLM's checkpoint?"
        ) from error
    except ValueError as error:
        raise InputError(f"{file} is no safetensors file, or a damaged one: {error}") from error
    if not isinstance(header, dict):
        raise InputError(f"{file} is no safetensors file, or a damaged one")
    return header


def _json(file: Path) -> dict[str, Any]:
    try:
        said = json.loads(_text(file))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is no JSON: {error}") from error
    if not isinstance(said, dict):
        raise InputError(f"{file} holds no object: is this a SpeechLM's folder?")
    return said


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(_JSON_BYTES + 1)
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}): is this a SpeechLM's folder?") from error
    if len(content) > _JSON_BYTES:
        raise InputError(f"{file} is larger than such a file can be")
    return content.decode("utf-8", "replace")
