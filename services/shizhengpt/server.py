"""ShizhenGPT-7B-Omni behind the clinic's HTTP contract, with the model repository's own classes; answers in text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clinic_service import (  # noqa: E402
    Doctor,
    Refused,
    from_environment,
    replied,
    safe_weights,
    sampling,
    seed_everything,
    serve,
    sounds_of,
    turns_of,
)

SOUND = "<|audio_bos|><|AUDIO|><|audio_eos|>"
CONTEXT = 32_768


class ShizhenGPT(Doctor):
    """One sampled reply at a time."""

    name = "ShizhenGPT-7B-Omni"
    hears = True

    def load(self) -> None:
        """Load the model and its processor."""
        weights = from_environment("MODEL", "ShizhenGPT-7B-Omni")
        import torch
        from transformers import AutoModelForCausalLM, AutoProcessor

        safe_weights()
        self.model = AutoModelForCausalLM.from_pretrained(weights, trust_remote_code=True, torch_dtype=torch.bfloat16)
        self.model = self.model.cuda().eval()
        self.processor = AutoProcessor.from_pretrained(weights, trust_remote_code=True)
        self.processor.chat_template = self.processor.tokenizer.chat_template

    def reply(self, request: dict[str, Any]) -> dict[str, Any]:
        """Generate the next words of the doctor."""
        import torch

        rate = self.processor.feature_extractor.sampling_rate
        with turns_of(request) as turns:
            sounds = sounds_of(turns, rate)
        messages = [
            {"role": turn.role,
             "content": "".join(SOUND if kind == "sound" else c for kind, c in turn.parts)}
            for turn in turns
        ]
        prompt = self.processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        inputs = self.processor(text=[prompt], audios=sounds or None, return_tensors="pt", padding=True)
        inputs = inputs.to(self.model.device)
        length = inputs["input_ids"].shape[1]
        settings = sampling(request, temperature=0.7, top_p=0.9, max_new_tokens=1024)
        if length + settings["max_new_tokens"] > CONTEXT:
            raise Refused(422, "context_overflow", f"{length} tokens of dialogue do not fit {CONTEXT}")
        seed_everything(request["seed"])
        with torch.inference_mode():
            out = self.model.generate(**inputs, **settings)[0, length:]
        text = self.processor.tokenizer.decode(out, skip_special_tokens=True)
        return replied(text, length, len(out), settings["max_new_tokens"])


if __name__ == "__main__":
    serve(ShizhenGPT())
