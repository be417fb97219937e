"""Makes the Qwen2 layers' linear weights 8 or 4 bits wide as they are loaded, through bitsandbytes; it knows no files.

Only linear layers inside the language model's and the unit LM's blocks: speech encoder, adaptor, gate, embeddings and
output heads stay as they are. 8 bits: LLM.int8 (Dettmers et al. 2022, arXiv 2208.07339); 4 bits: NF4 with double
quantization (Dettmers et al. 2023, arXiv 2305.14314).
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from typing import Any

import torch
from torch import nn

from model.errors import NeedsPackage, SpeechLMError
from model.loading.placing import Place
from model.speech_lm import SpeechLM

CHOICES = ("", "8bit", "4bit")
BLOCK = 64
"""Weights that share one scale in NF4; bitsandbytes' CPU code takes whole blocks a row only."""
INSIDE = re.compile(r"(model|speech_generator\.model\.model)\.layers\.\d+\.(self_attn|mlp)\.\w+")


def quantize_layers(model: SpeechLM, quantization: str, dtype: torch.dtype, device: torch.device) -> Place:
    """Replace the layers of an empty model; return what puts a weight into one, quantizing it.

    Args:
        model: of ``empty_model``.
        quantization: ``8bit`` or ``4bit``.
        dtype: that the layers compute in.
        device: where the quantized weights go.

    Raises:
        SpeechLMError: another choice, or widths that the CPU's 4-bit code cannot take.
        NeedsPackage: bitsandbytes is not installed.
    """
    if quantization not in CHOICES[1:]:
        raise SpeechLMError(f"quantization is {quantization!r}; choose 8bit, 4bit or nothing")
    if importlib.util.find_spec("bitsandbytes") is None:
        raise NeedsPackage(f"quantization {quantization}", "bitsandbytes")
    chosen = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Linear) and INSIDE.fullmatch(n)]
    odd = sorted({layer.in_features for _, layer in chosen if layer.in_features % BLOCK})
    if quantization == "4bit" and device.type == "cpu" and odd:
        problem = f"4bit on the CPU needs widths that are multiples of {BLOCK}"
        raise SpeechLMError(f"{problem}; this model has {odd}: use 8bit")
    bnb: Any = importlib.import_module("bitsandbytes")
    setattr(model, f"is_loaded_in_{quantization}", True)  # peft asks for it
    for name, layer in chosen:
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, _layer(bnb, layer, quantization, dtype))

    def place(parent: nn.Module, name: str, tensor: torch.Tensor) -> bool:
        if name != "weight" or not isinstance(parent, bnb.nn.Linear8bitLt | bnb.nn.Linear4bit):
            return False
        tensor = tensor.to(dtype)
        if quantization == "8bit":
            weight = bnb.nn.Int8Params(tensor, requires_grad=False, has_fp16_weights=False)
        else:
            weight = bnb.nn.Params4bit(
                tensor, requires_grad=False, quant_type="nf4", compress_statistics=True, module=parent
            )
        parent._parameters[name] = weight.to(device)
        return True

    return place


def _layer(bnb: Any, layer: nn.Linear, quantization: str, dtype: torch.dtype) -> nn.Module:
    sizes = {"input_features": layer.in_features, "output_features": layer.out_features, "bias": layer.bias is not None}
    made: nn.Module
    if quantization == "8bit":
        made = bnb.nn.Linear8bitLt(**sizes, has_fp16_weights=False, threshold=6.0, device="meta")
    else:
        made = bnb.nn.Linear4bit(
            **sizes, compute_dtype=dtype, quant_type="nf4", compress_statistics=True, device="meta"
        )
    return made
