"""The SpeechLM: speech encoder, adaptor, Qwen2 and unit LM as one model; tensors in, tensors out.

Its state-dict keys are those of the published LLaMA-Omni2 and SpeechMedAssist checkpoints. Text is generated with
``generate`` of transformers; text with speech, streams and whole consultations with model/streaming.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers import AutoModel, AutoModelForCausalLM, GenerationMixin
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.models.qwen2.modeling_qwen2 import Qwen2Model, Qwen2PreTrainedModel

from model import config as configs
from model.adaptor import SpeechProjector
from model.config import SpeechLMConfig
from model.speech_encoder import SpeechEncoder, sinusoids
from model.splicing import Spliced, splice
from model.unit_lm import UnitLM


class SpeechQwen2Model(Qwen2Model):
    """Qwen2's layers with the speech encoder and the adaptor beside them."""

    config_class = SpeechLMConfig

    def __init__(self, config: SpeechLMConfig) -> None:
        """Make all parts."""
        super().__init__(config)
        self.speech_encoder = SpeechEncoder(config)
        self.speech_projector = SpeechProjector(config)
        self.post_init()  # type: ignore[no-untyped-call]


class SpeechLM(Qwen2PreTrainedModel, GenerationMixin):
    """The whole model; ``speech_generator`` is None where the configuration has none (it writes text only)."""

    config_class = SpeechLMConfig
    config: SpeechLMConfig
    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}

    def __init__(self, config: SpeechLMConfig) -> None:
        """Make all parts with random weights."""
        super().__init__(config)
        self.model = SpeechQwen2Model(config)
        self.vocab_size = config.vocab_size
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.speech_generator = UnitLM(config) if config.speech_generator is not None else None
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        """Initialise what transformers does not know: convolutions, and Whisper's fixed positions."""
        super()._init_weights(module)  # type: ignore[no-untyped-call]
        if isinstance(module, SpeechEncoder):
            positions, width = module.positional_embedding.shape
            with torch.no_grad():
                module.positional_embedding.copy_(sinusoids(positions, width))

    def encode_speech(self, mels: torch.Tensor, lengths: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return the embeddings of each sound.

        Args:
            mels: log-mel frames, [N, F, bins] (model/mel.py).
            lengths: frames of each sound, [N]; None: all F.

        Returns:
            N tensors [rows, hidden]; 3,000 frames give 300 rows.
        """
        embedded = self.model.speech_projector(self.model.speech_encoder(mels, lengths))
        if lengths is None:
            return list(embedded)
        rows = ((lengths + 1) // 2) // self.config.speech_encoder_ds_rate
        return [one[:count] for one, count in zip(embedded, rows.tolist(), strict=True)]

    def splice(
        self,
        input_ids: torch.Tensor,
        speech: Sequence[torch.Tensor],
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
    ) -> Spliced:
        """Return the input embeddings, each utterance's rows in place of its SPEECH_INDEX (model/splicing)."""
        return splice(input_ids, speech, self.get_input_embeddings(), attention_mask, labels)

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        past_key_values: Any = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        speech: torch.Tensor | None = None,
        speech_lengths: torch.Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        **more: Any,
    ) -> CausalLMOutputWithPast:
        """Return logits [B, L, vocabulary] and, with labels, the mean next-token cross entropy over all targets.

        Args:
            input_ids: [B, T]; SPEECH_INDEX stands where a spoken utterance belongs, in the order of ``speech``.
            attention_mask: [B, T], 1 for what counts. With speech, pads are removed before splicing and the rows are
                padded again on the right, so that L may differ from T.
            labels: [B, T]; -100 where nothing is to be learnt.
            speech: log-mel frames, [N, F, bins].
            speech_lengths: frames of each sound, [N].
            position_ids: as in Qwen2ForCausalLM, like all that follows.
            past_key_values: the cache of what came before.
            inputs_embeds: instead of ids.
            use_cache: whether a cache is returned.
            logits_to_keep: the last positions, or which; 0: all.
            **more: for the layers.
        """
        if speech is not None and input_ids is not None:
            rows = self.encode_speech(speech, speech_lengths)
            made = self.splice(input_ids, rows, attention_mask, labels)
            input_ids, inputs_embeds = None, made.embeds
            attention_mask, labels = made.mask, made.labels if labels is not None else None
        out = self.model(
            input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids,
            past_key_values=past_key_values, inputs_embeds=inputs_embeds, use_cache=use_cache, **more,
        )
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) and logits_to_keep else slice(None)
        states = out.last_hidden_state[:, logits_to_keep if isinstance(logits_to_keep, torch.Tensor) else kept]
        logits = self.lm_head(states)
        loss = None
        if labels is not None:
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=self.config.vocab_size)
        return CausalLMOutputWithPast(
            loss=loss, logits=logits, past_key_values=out.past_key_values, hidden_states=out.hidden_states,
            attentions=out.attentions,
        )


    def generate(  # type: ignore[override]
        self,
        inputs: torch.Tensor | None = None,
        *,
        speech: torch.Tensor | None = None,
        speech_lengths: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        **more: Any,
    ) -> Any:
        """Generate text as transformers does, after prompts with spoken utterances in them.

        With ``speech`` only the new ids come back, [B, at most max_new_tokens]. Text with speech, streams and whole
        consultations: model/streaming/generate.py.

        Args:
            inputs: ids [B, T] with SPEECH_INDEX where a spoken utterance belongs.
            speech: log-mel frames, [N, F, bins].
            speech_lengths: frames of each sound, [N].
            attention_mask: [B, T], 1 for what counts; rows may be padded on either side.
            **more: for transformers' ``generate``.
        """
        generate: Any = super().generate  # type: ignore[misc]
        inputs = more.pop("input_ids", inputs)
        if speech is None or inputs is None:
            return generate(inputs, attention_mask=attention_mask, **more)
        with torch.no_grad():
            made = self.splice(inputs, self.encode_speech(speech, speech_lengths), attention_mask)
        shifts = (made.mask.shape[1] - made.mask.sum(dim=1)).tolist()
        embeds = torch.stack([row.roll(shift, 0) for row, shift in zip(made.embeds, shifts, strict=True)])
        mask = torch.stack([row.roll(shift) for row, shift in zip(made.mask, shifts, strict=True)])
        return generate(inputs_embeds=embeds, attention_mask=mask, **more)


class LlamaOmni2(SpeechLM):
    """LLaMA-Omni2 as published."""

    config_class = configs.LlamaOmni2Config


class LlamaOmni2Text(SpeechLM):
    """LLaMA-Omni2 as published, without its speech generator."""

    config_class = configs.LlamaOmni2TextConfig


class SpeechMedAssist(SpeechLM):
    """SpeechMedAssist as published."""

    config_class = configs.SpeechMedAssistConfig


def register() -> None:
    """Make AutoConfig, AutoModel and AutoModelForCausalLM know the published and our own model types."""
    configs.register()
    for kind in (SpeechLM, LlamaOmni2, LlamaOmni2Text, SpeechMedAssist):
        AutoModel.register(kind.config_class, kind, exist_ok=True)
        AutoModelForCausalLM.register(kind.config_class, kind, exist_ok=True)
