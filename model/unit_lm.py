"""The unit LM with its gate fusion: what the language model says becomes rows, rows become speech units.

Source: LLaMA-Omni2 (arXiv 2505.02625), there ``speech_generator``. It knows rows and ids; when text and units take
turns is decided elsewhere (model/streaming for inference, training for its targets).
"""

from __future__ import annotations

import torch
from torch import nn
from transformers.models.qwen2.modeling_qwen2 import Qwen2ForCausalLM

from model.config import SpeechLMConfig


class UnitLM(nn.Module):
    """A Qwen2 over text ids, ``<sep>`` and units, with the projection and the gate in front of it."""

    def __init__(self, config: SpeechLMConfig) -> None:
        """Make it with the sizes in ``config.speech_generator``."""
        super().__init__()
        units = config.unit_lm
        units._attn_implementation = config._attn_implementation or "sdpa"
        hidden, width = config.hidden_size, units.hidden_size
        self.model = Qwen2ForCausalLM(units)
        tied = self.model.all_tied_weights_keys
        # transformers asks direct children only for what they tie
        self.all_tied_weights_keys = {f"model.{target}": f"model.{source}" for target, source in tied.items()}
        self.input_proj = nn.Sequential(nn.Linear(hidden, 2 * hidden), nn.ReLU(), nn.Linear(2 * hidden, width))
        self.gate = nn.Sequential(nn.Linear(2 * width, width), nn.Sigmoid())

    def rows(self, states: torch.Tensor, text_ids: torch.Tensor) -> torch.Tensor:
        """Return the input rows of text ids.

        Args:
            states: [..., hidden]: the language model's states after its final norm that *predicted* each id.
            text_ids: [...], ids of the text tokenizer, which the unit LM shares.

        Returns:
            [..., width]: ``g * MLP(state) + (1 - g) * embedding``, with ``g = sigmoid(W [MLP(state); embedding])``.
        """
        projected, embedded = self.input_proj(states), self.embed(text_ids)
        gate = self.gate(torch.cat([projected, embedded], dim=-1))
        return projected * gate + embedded * (1 - gate)  # type: ignore[no-any-return]

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the embeddings of text ids, ``<sep>`` or units, [..., width]."""
        return self.model.get_input_embeddings()(ids)  # type: ignore[no-any-return]
