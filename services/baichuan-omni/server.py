"""Baichuan-Omni-1.5 behind the clinic's HTTP contract, with the model repository's own classes; answers in text."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clinic_service import (  # noqa: E402
    Doctor,
    Refused,
    from_environment,
    option,
    replied,
    safe_weights,
    sampling,
    seed_everything,
    serve,
    turns_of,
)

ROLES = {"system": "<B_SYS>", "user": "<C_Q>", "assistant": "<C_A>"}
END = "<|endoftext|>"
CONTEXT = 8192


class BaichuanOmni(Doctor):
    """One sampled reply at a time."""

    name = "Baichuan-Omni-1.5"
    hears = True

    def load(self) -> None:
        """Load the model and let it make its processor; no vocoder."""
        weights = from_environment("MODEL", "Baichuan-Omni-1d5")
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        safe_weights()
        self.model = AutoModelForCausalLM.from_pretrained(weights, trust_remote_code=True, torch_dtype=torch.bfloat16)
        self.model = self.model.cuda().eval()
        self.tokenizer = AutoTokenizer.from_pretrained(weights, trust_remote_code=True)
        self.model.bind_processor(self.tokenizer, training=False, relative_path="/")
        audio = self.model.config.audio_config
        self.before, self.after = (
            self.tokenizer.convert_ids_to_tokens(i) for i in (audio.audio_start_token_id, audio.audio_end_token_id)
        )

    def reply(self, request: dict[str, Any]) -> dict[str, Any]:
        """Generate the next words of the doctor."""
        import torch

        system = option(request, "system", "")
        prompt = ROLES["system"] + system if system else ""
        with turns_of(request, marks=r"<[A-Z]_[A-Z]+>|<\w*baichuan>") as turns:
            for turn in turns:
                prompt += ROLES[turn.role] + "\n".join(
                    self._sound(c) if kind == "sound" else c
                    for kind, c in turn.parts
                )
            made = self.model.processor([prompt + ROLES["assistant"]])
        length = made.input_ids.shape[1]
        settings = sampling(
            request, temperature=0.8, top_p=0.85, top_k=20, repetition_penalty=1.1, max_new_tokens=512
        )
        if length + settings["max_new_tokens"] > CONTEXT:
            raise Refused(422, "context_overflow", f"{length} tokens of dialogue do not fit {CONTEXT}")
        heard = {
            name: value.cuda() if value is not None else None
            for name in ("audios", "encoder_length", "bridge_length") for value in (getattr(made, name),)
        }
        seed_everything(request["seed"])
        with torch.inference_mode():
            out = self.model.generate(
                made.input_ids.cuda(), attention_mask=made.attention_mask.cuda(), tokenizer=self.tokenizer,
                stop_strings=[END], **heard, **settings,
            )
        text = self.tokenizer.decode(out[0, length:], skip_special_tokens=True).split(END)[0]
        return replied(text, length, int(out.shape[1]) - length, settings["max_new_tokens"])

    def _sound(self, file: str) -> str:
        return self.before + json.dumps({"path": file}) + self.after


if __name__ == "__main__":
    serve(BaichuanOmni())
