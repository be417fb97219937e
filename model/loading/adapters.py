"""Puts a LoRA adapter of peft on a loaded model, merged or kept beside it; it knows no training.

Source: LoRA (Hu et al. 2021, arXiv 2106.09685), as peft writes it: ``adapter_config.json`` and
``adapter_model.safetensors``. The adapter's keys say which layers it belongs to; every one must fit.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Mapping
from typing import Any

import torch

from model.errors import CheckpointError, NeedsPackage
from model.loading.folder import Folder
from model.loading.weights import Weights, read_header, read_tensors
from model.speech_lm import SpeechLM

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
TAKEN = ("r", "lora_alpha", "use_rslora", "use_dora", "fan_in_fan_out", "rank_pattern", "alpha_pattern", "bias")
PREFIX = "base_model.model."
LAYER = re.compile(r"base_model\.model\.(.+)\.lora_(A|B|magnitude_vector|embedding_A|embedding_B)(\.weight)?")


def add_adapter(model: SpeechLM, folder: Folder, *, merge: bool) -> SpeechLM:
    """Return the model with the adapter in it.

    Args:
        model: filled; it is changed.
        folder: of peft's files. The base model that they name is not looked at, its sizes must fit.
        merge: the adapter is added to the weights and gone; False: it stays beside them (slower, can be trained on).

    Raises:
        CheckpointError: no LoRA adapter, or keys or shapes that do not fit; each is named.
        NeedsPackage: peft is not installed.
    """
    stated = folder.json(CONFIG)
    if stated.get("peft_type") != "LORA":
        raise CheckpointError(str(folder), f"peft_type is {stated.get('peft_type')!r}; known is LORA")
    held = read_header(folder.need(WEIGHTS, "adapters in pickled files are not read, save it as safetensors"))
    if importlib.util.find_spec("peft") is None:
        raise NeedsPackage("a LoRA adapter", "peft")
    peft: Any = importlib.import_module("peft")
    layers = _layers(model, held, folder)
    lora = {key: stored for key, stored in held.items() if LAYER.fullmatch(key)}
    whole = {key: stored for key, stored in held.items() if key not in lora}
    own = {PREFIX + key: tensor for key, tensor in model.state_dict().items()}
    _check(whole, {key: own[key] for key in whole if key in own}, folder)
    try:
        # A pattern of whole names: peft takes a list of names for endings, and those of the unit LM are the same.
        taken = {key: stated[key] for key in TAKEN if stated.get(key) is not None}
        targets = "|".join(map(re.escape, layers))
        wrapped = peft.get_peft_model(model, peft.LoraConfig(**taken, target_modules=targets, lora_dropout=0.0))
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        raise CheckpointError(str(folder), f"{CONFIG} does not fit this model: {error}") from error
    wanted = peft.get_peft_model_state_dict(wrapped, save_embedding_layers=False)
    _check(lora, wanted, folder)
    with torch.no_grad():
        for key, tensor in read_tensors(whole):
            own[key].copy_(tensor)
    peft.set_peft_model_state_dict(wrapped, {key: tensor.to(wanted[key]) for key, tensor in read_tensors(lora)})
    made: SpeechLM = wrapped.merge_and_unload() if merge else wrapped.base_model.model
    made.eval()  # type: ignore[no-untyped-call]
    return made


def _layers(model: SpeechLM, held: Weights, folder: Folder) -> list[str]:
    """Return the names of the layers that the adapter belongs to."""
    adapted = {found[1] for key in held if (found := LAYER.fullmatch(key))}
    lost = sorted(adapted - {name for name, _ in model.named_modules()})
    if lost or not adapted:
        problem = "its layers are not in this model" if lost else f"{WEIGHTS} holds no LoRA weights"
        raise CheckpointError(str(folder), problem, unexpected=lost)
    return sorted(adapted)


def _check(held: Weights, wanted: Mapping[str, torch.Tensor], folder: Folder) -> None:
    shapes = {key: tuple(tensor.shape) for key, tensor in wanted.items()}
    differ = [key for key in shapes if key in held and held[key].shape != shapes[key]]
    misshapen = [f"{key}: {list(held[key].shape)}, {list(shapes[key])}" for key in differ]
    missing, unexpected = sorted(shapes.keys() - held.keys()), sorted(held.keys() - shapes.keys())
    if missing or unexpected or misshapen:
        raise CheckpointError(
            str(folder), "the adapter is not one of this model",
            missing=missing, unexpected=unexpected, misshapen=misshapen,
        )  # fmt: skip
