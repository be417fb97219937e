"""Makes a SpeechLM without memory and puts stored tensors straight into their places; it knows no file format.

Every key counts: what is missing, unexpected or of another shape is named before anything is read.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import nn

from model.config import SpeechLMConfig
from model.errors import CheckpointError, NeedsPackage, SpeechLMError
from model.loading.weights import Weights
from model.speech_lm import LlamaOmni2, LlamaOmni2Text, SpeechLM, SpeechMedAssist

Place = Callable[[nn.Module, str, torch.Tensor], bool]
"""Puts a tensor under a name into a module in a way of its own; False: it did not, do it as usual."""

MODELS = {kind.config_class: kind for kind in (SpeechLM, LlamaOmni2, LlamaOmni2Text, SpeechMedAssist)}
ATTENTIONS = ("auto", "sdpa", "flash_attention_2", "eager")
HEADS = {
    "lm_head.weight": "model.embed_tokens.weight",
    "speech_generator.model.lm_head.weight": "speech_generator.model.model.embed_tokens.weight",
}
"""Output heads and the embeddings that they share where the configuration ties them."""


def empty_model(config: SpeechLMConfig, attention: str = "auto") -> SpeechLM:
    """Return the model with every tensor on the meta device: all shapes, no memory.

    Raises:
        SpeechLMError: an unknown ``attention``. NeedsPackage: flash attention is not installed.
        CheckpointError: sizes that no model can have.
    """
    if attention not in ATTENTIONS:
        raise SpeechLMError(f"attention is {attention!r}; choose {', '.join(ATTENTIONS)}")
    if attention == "flash_attention_2" and importlib.util.find_spec("flash_attn") is None:
        raise NeedsPackage("attention flash_attention_2", "flash-attn")
    config._attn_implementation = "sdpa" if attention == "auto" else attention
    try:
        with torch.device("meta"):
            return MODELS[type(config)](config)
    except (ValueError, RuntimeError, ZeroDivisionError, KeyError, TypeError) as error:
        raise CheckpointError(config.name_or_path or "configuration", f"no model has these sizes: {error}") from error


def tied(config: SpeechLMConfig) -> dict[str, str]:
    """Return the heads that are tied, with the embeddings that they share."""
    found = {}
    ties = config.tie_word_embeddings, config.speech_generator is not None and config.unit_lm.tie_word_embeddings
    for (head, embedding), tie in zip(HEADS.items(), ties, strict=True):
        if tie:
            found[head] = embedding
    return found


def check_keys(model: SpeechLM, weights: Weights, where: str) -> None:
    """Compare what is stored with what the model needs.

    A tied head may be stored or not, and so may the embedding if its head is. Raises CheckpointError that names every
    missing, unexpected and misshapen key.
    """
    wanted = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
    spare = {one: other for pair in tied(model.config).items() for one, other in (pair, pair[::-1])}
    missing = sorted(key for key in wanted if key not in weights and spare.get(key) not in weights)
    unexpected = sorted(key for key in weights if key not in wanted)
    both = [key for key in wanted if key in weights]
    misshapen = [
        f"{key}: {list(weights[key].shape)}, {list(wanted[key])}" for key in both if weights[key].shape != wanted[key]
    ]
    unreal = [key for key in both if not weights[key].dtype.is_floating_point]
    if missing or unexpected or misshapen:
        raise CheckpointError(
            where, "the weights are not those that its configuration describes",
            missing=missing, unexpected=unexpected, misshapen=misshapen,
        )  # fmt: skip
    if unreal:
        raise CheckpointError(where, f"weights must be floating-point numbers; these are not: {', '.join(unreal)}")


def fill(
    model: SpeechLM, tensors: Iterable[tuple[str, torch.Tensor]], dtype: torch.dtype, device: torch.device, where: str,
    place: Place | None = None,
) -> None:
    """Put every tensor into its place, in its type and on its device; tie the heads, make what is not stored.

    Args:
        model: of ``empty_model``.
        tensors: by key, on the CPU, of any floating type; all keys were checked.
        dtype: of the model; the rotary frequencies stay float32, as in transformers.
        device: of the model.
        where: names the checkpoint in errors.
        place: see ``Place``.

    Raises:
        CheckpointError: a tied head is stored and differs from its embedding.
    """
    for key, tensor in tensors:
        parent, name = _parent(model, key)
        if place is None or not place(parent, name, tensor):
            _put(parent, name, tensor.to(device=device, dtype=dtype))
    for head, embedding in tied(model.config).items():
        _tie(model, head, embedding, where)
    _refresh(model, device)
    left = [key for key, tensor in (*model.named_parameters(), *model.named_buffers()) if tensor.is_meta]
    if left:
        raise CheckpointError(where, "these were never filled", missing=left)
    model.config.dtype = dtype
    model.eval()  # type: ignore[no-untyped-call]


def _parent(model: nn.Module, key: str) -> tuple[nn.Module, str]:
    path, _, name = key.rpartition(".")
    return model.get_submodule(path), name


def _put(parent: nn.Module, name: str, tensor: torch.Tensor) -> None:
    if name in parent._parameters:
        parent._parameters[name] = nn.Parameter(tensor)
    else:
        parent._buffers[name] = tensor


def _tie(model: SpeechLM, head: str, embedding: str, where: str) -> None:
    (one, name), (other, other_name) = _parent(model, head), _parent(model, embedding)
    own, shared = one._parameters[name], other._parameters[other_name]
    assert own is not None and shared is not None
    if not own.is_meta and not shared.is_meta and not torch.equal(own, shared):
        raise CheckpointError(where, f"{head} and {embedding} differ, and the configuration ties them")
    kept = own if shared.is_meta else shared
    one._parameters[name] = other._parameters[other_name] = kept


def _refresh(model: nn.Module, device: torch.device) -> None:
    """Compute the buffers that are never stored (rotary frequencies) anew, on the device."""
    for module in model.modules():
        names = [name for name in module._non_persistent_buffers_set if name in module._buffers]
        if names:
            with torch.device("cpu"):
                fresh: Mapping[str, torch.Tensor] = dict(type(module)(config=module.config).named_buffers())
            for name in names:
                module._buffers[name] = fresh[name].to(device)
