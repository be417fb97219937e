"""Kimi-Audio behind the clinic's HTTP contract, with its published code; answers in text, with SPEAK=1 in both."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clinic_service import (  # noqa: E402
    Doctor,
    from_environment,
    may_speak,
    option,
    safe_weights,
    seed_everything,
    serve,
    turns_of,
    use_repository,
    with_sound,
)


class KimiAudio(Doctor):
    """One reply at a time. The model knows no system role: it is told the consultation and nothing else."""

    name = "Kimi-Audio-7B-Instruct"
    hears = True
    sample_rate_hz = 24_000

    def load(self) -> None:
        """Load the model, with its sound decoder where it is to speak."""
        use_repository()
        weights = from_environment("MODEL", "Kimi-Audio-7B-Instruct")
        safe_weights()
        from kimia_infer.api.kimia import KimiAudio as Published

        self.model = Published(model_path=str(weights), load_detokenizer=may_speak())
        self.speaks = may_speak()

    def reply(self, request: dict[str, Any]) -> dict[str, Any]:
        """Generate the next words of the doctor."""
        settings = {
            "text_temperature": option(request, "text_temperature", 0.0),
            "text_top_k": option(request, "text_top_k", 5),
            "audio_temperature": option(request, "audio_temperature", 0.8),
            "audio_top_k": option(request, "audio_top_k", 10),
            "text_repetition_penalty": option(request, "text_repetition_penalty", 1.0),
            "max_new_tokens": option(request, "max_new_tokens", 512, low=1),
        }
        speak = self.speaks and request["speak"]
        seed_everything(request["seed"])
        with turns_of(request) as turns:
            said = [
                {"role": turn.role, "message_type": "audio" if kind == "sound" else "text", "content": content}
                for turn in turns for kind, content in turn.parts
            ]
            sound, text = self.model.generate(said, **settings, output_type="both" if speak else "text")
        reply = {"text": text.strip()}
        return with_sound(reply, sound, self.sample_rate_hz) if speak else reply


if __name__ == "__main__":
    serve(KimiAudio())
