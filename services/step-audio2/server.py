"""Step-Audio-2-mini behind the clinic's HTTP contract, with its published code; with SPEAK=1 it answers in sound, too.

Where it speaks, text and sound tokens come in turn; the sound tokens become a voice like the repository's recording.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clinic_service import (  # noqa: E402
    Doctor,
    Refused,
    from_environment,
    may_speak,
    option,
    safe_weights,
    sampling,
    seed_everything,
    serve,
    turns_of,
    use_repository,
)

SOUND_CODES = 6561
"""Larger sound tokens are padding."""
MARKS = r"<(?:audio|tts)_\w+>"


class StepAudio2(Doctor):
    """One sampled reply at a time; the model calls the patient's side human."""

    name = "Step-Audio-2-mini"
    hears = True
    sample_rate_hz = 24_000

    def load(self) -> None:
        """Load the model, with its sound decoder where it is to speak."""
        repository = use_repository()
        weights = from_environment("MODEL", "Step-Audio-2-mini")
        safe_weights()
        from stepaudio2 import StepAudio2 as Published

        self.model = Published(str(weights))
        if may_speak():
            from token2wav import Token2wav

            self.decoder = Token2wav(str(weights / "token2wav"))
            self.like = str(repository / "assets" / "default_female.wav")
            self.speaks = True

    def reply(self, request: dict[str, Any]) -> dict[str, Any]:
        """Generate the next words of the doctor."""
        speak = self.speaks and request["speak"]
        settings = sampling(request, temperature=0.7, top_p=0.9, repetition_penalty=1.05, max_new_tokens=256)
        if speak:
            settings["max_new_tokens"] *= 4  # sound tokens count, too: four to a token of text
        system = option(request, "system", "")
        said: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
        seed_everything(request["seed"])
        begin = {"role": "assistant", "content": "<tts_start>", "eot": False} if speak else {
            "role": "assistant", "content": None}
        with turns_of(request, marks=MARKS) as turns:
            for turn in turns:
                content = [
                    {"type": "audio", "audio": c} if kind == "sound" else {"type": "text", "text": c}
                    for kind, c in turn.parts
                ]
                said.append({"role": "human" if turn.role == "user" else "assistant", "content": content})
            _, text, sounds = self.model([*said, begin], **settings)
        reply = {"text": re.sub(MARKS, "", text).replace("<|EOT|>", "").strip()}
        if not speak:
            return reply
        codes = [code for code in sounds if code < SOUND_CODES]
        if not codes:
            raise Refused(422, "bad_audio", "the model wrote an answer and made no sound of it")
        return {**reply, "wav": self.decoder(codes, prompt_wav=self.like)}


if __name__ == "__main__":
    serve(StepAudio2())
