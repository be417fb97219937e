"""OpenS2S behind the clinic's HTTP contract, with its published code; answers in text."""

from __future__ import annotations

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
    sounds_of,
    turns_of,
    use_repository,
)

CONTEXT = 32_768


class OpenS2S(Doctor):
    """One sampled reply at a time."""

    name = "OpenS2S"
    hears = True

    def load(self) -> None:
        """Load the model, its tokenizer and the feature extractor of its ears."""
        use_repository()
        weights = from_environment("MODEL", "OpenS2S")
        import torch
        from transformers import AutoTokenizer, GenerationConfig

        safe_weights()
        from src import constants
        from src.feature_extraction_audio import WhisperFeatureExtractor
        from src.modeling_omnispeech import OmniSpeechModel

        self.marks = constants
        self.tokenizer = AutoTokenizer.from_pretrained(weights)
        self.generation = GenerationConfig.from_pretrained(weights)
        self.features = WhisperFeatureExtractor.from_pretrained(weights / "audio")
        self.model = OmniSpeechModel.from_pretrained(weights, torch_dtype=torch.bfloat16).cuda().eval()

    def reply(self, request: dict[str, Any]) -> dict[str, Any]:
        """Generate the next words of the doctor."""
        import torch

        marks, rate = self.marks, self.features.sampling_rate
        with turns_of(request) as turns:
            sounds = sounds_of(turns, rate)
        sound = f"{marks.DEFAULT_AUDIO_START_TOKEN}{marks.DEFAULT_AUDIO_TOKEN}{marks.DEFAULT_AUDIO_END_TOKEN}"
        messages = [{"role": "system", "content": option(request, "system", "You are a helpful assistant.")}]
        messages += [
            {"role": turn.role, "content": "".join(
                sound if kind == "sound" else c for kind, c in turn.parts)}
            for turn in turns
        ]
        prompt = self.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False, enable_thinking=False
        ) + marks.DEFAULT_TTS_START_TOKEN
        ids: list[int] = []
        for index, piece in enumerate(prompt.split(marks.DEFAULT_AUDIO_TOKEN)):
            ids += ([marks.AUDIO_TOKEN_INDEX] if index else []) + self.tokenizer.encode(piece)
        settings = sampling(request, temperature=0.2, top_p=0.8, max_new_tokens=512)
        if len(ids) + settings["max_new_tokens"] > CONTEXT:
            raise Refused(422, "context_overflow", f"{len(ids)} tokens of dialogue do not fit {CONTEXT}")
        generation = type(self.generation).from_dict({**self.generation.to_dict(), **settings})
        seed_everything(request["seed"])
        with torch.inference_mode():
            out = self.model.generate(
                input_ids=torch.LongTensor([ids]).cuda(), attention_mask=None, spk_emb=None, units_gen=False,
                generation_config=generation, use_cache=True, **self._heard(sounds),
            )
        text = self.tokenizer.batch_decode(out, skip_special_tokens=True)[0]
        return replied(text, len(ids), int(out.shape[-1]), settings["max_new_tokens"])

    def _heard(self, sounds: list[Any]) -> dict[str, Any]:
        """Return the arguments that carry the sound: features (n, mel, frames) and their mask, or None twice."""
        import torch

        if not sounds:
            return {"speech_values": None, "speech_mask": None}
        made = self.features(
            sounds, sampling_rate=self.features.sampling_rate, return_attention_mask=True, return_tensors="pt"
        )
        return {
            "speech_values": made.input_features.to("cuda", torch.bfloat16), "speech_mask": made.attention_mask.cuda(),
        }


if __name__ == "__main__":
    serve(OpenS2S())
