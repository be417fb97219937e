"""LLaMA-Omni2 and SpeechMedAssist behind the clinic's HTTP contract, with their published code; answers in text.

$VARIANT says which of the two; they differ in the package that holds the model and share everything else.
"""

from __future__ import annotations

import importlib
import os
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
    use_repository,
)

VARIANTS = {
    "llama-omni2-7b": ("LLaMA-Omni2-7B-Bilingual", "llama_omni2", "Omni2SpeechQwen2ForCausalLM"),
    "speechmedassist": ("SpeechMedAssist", "model", "SpeechQwen2ForCausalLM"),
}
CONTEXT = 4096


class SpeechLM(Doctor):
    """One greedy or sampled reply at a time; each utterance becomes 30 s of log-mel for the Whisper encoder."""

    hears = True

    def __init__(self, variant: str) -> None:
        self.name, self.package, self.model_class = VARIANTS[variant]

    def load(self) -> None:
        """Load tokenizer, Whisper encoder and language model."""
        use_repository()
        weights, encoder = from_environment("MODEL", "the weights"), Path(os.environ.get("WHISPER", "missing"))
        import torch
        from transformers import AutoConfig, AutoTokenizer

        safe_weights()
        module = self.package if self.package == "model" else f"{self.package}.model"
        model_class = getattr(importlib.import_module(module), self.model_class)
        constants = importlib.import_module(f"{self.package}.constants")
        if not encoder.is_file():
            raise FileNotFoundError("WHISPER must name Whisper's large-v3.pt; the README says where it comes from")
        config = AutoConfig.from_pretrained(weights)
        config.speech_encoder = str(encoder)
        config.tts_tokenizer = str(weights / "tts_tokenizer")
        config.tokenizer_model_max_length = CONTEXT
        self.marker, self.marker_index = constants.DEFAULT_SPEECH_TOKEN, constants.SPEECH_TOKEN_INDEX
        self.tokenizer = AutoTokenizer.from_pretrained(weights, use_fast=False)
        self.model = model_class.from_pretrained(weights, config=config, torch_dtype=torch.bfloat16).cuda().eval()

    def reply(self, request: dict[str, Any]) -> dict[str, Any]:
        """Generate the next words of the doctor."""
        import torch

        with turns_of(request, marks=r"<speech>") as turns:
            sounds = [self._mel(samples) for samples in sounds_of(turns, 16_000)]
        messages = [
            {"role": turn.role, "content": "\n".join(self.marker if kind == "sound" else content
                                                     for kind, content in turn.parts)}
            for turn in turns
        ]
        ids = self.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_tensors="pt", return_dict=False
        )[0]
        ids[ids == self.tokenizer.convert_tokens_to_ids(self.marker)] = self.marker_index
        settings = sampling(request, temperature=0.0, top_p=1.0, max_new_tokens=256)
        if len(ids) + settings["max_new_tokens"] > CONTEXT:
            raise Refused(422, "context_overflow", f"{len(ids)} tokens of dialogue do not fit {CONTEXT}")
        heard: dict[str, Any] = {"speech": None, "speech_lengths": None}
        if sounds:
            speech = torch.nn.utils.rnn.pad_sequence(sounds, batch_first=True)
            lengths = torch.LongTensor([len(sound) for sound in sounds])
            heard = {"speech": speech.to("cuda", torch.bfloat16), "speech_lengths": lengths.cuda()}
        seed_everything(request["seed"])
        with torch.inference_mode():
            out = self.model.generate(ids[None].cuda(), **heard, **settings, pad_token_id=self.tokenizer.pad_token_id)
        text = self.tokenizer.decode(out[0], skip_special_tokens=True)
        return replied(text, len(ids), int(out.shape[-1]), settings["max_new_tokens"])

    def _mel(self, samples: Any) -> Any:
        """Return the log-mel of the first 30 s, shape (frames, 128)."""
        import whisper

        return whisper.log_mel_spectrogram(whisper.pad_or_trim(samples), n_mels=128).permute(1, 0)


if __name__ == "__main__":
    serve(SpeechLM(os.environ.get("VARIANT", "speechmedassist")))
