"""Step-Audio-2-mini behind the clinic's HTTP contract, with its published code; answers in text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clinic_service import (  # noqa: E402
    Doctor,
    from_environment,
    option,
    safe_weights,
    sampling,
    seed_everything,
    serve,
    turns_of,
    use_repository,
)


class StepAudio2(Doctor):
    """One sampled reply at a time; the model calls the patient's side human."""

    name = "Step-Audio-2-mini"
    hears = True

    def load(self) -> None:
        """Load the model without its sound decoder."""
        use_repository()
        weights = from_environment("MODEL", "Step-Audio-2-mini")
        safe_weights()
        from stepaudio2 import StepAudio2 as Published

        self.model = Published(str(weights))

    def reply(self, request: dict[str, Any]) -> dict[str, Any]:
        """Generate the next words of the doctor."""
        settings = sampling(request, temperature=0.7, top_p=0.9, repetition_penalty=1.05, max_new_tokens=256)
        system = option(request, "system", "")
        said: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
        seed_everything(request["seed"])
        with turns_of(request, marks=r"<(audio|tts)_\w+>") as turns:
            for turn in turns:
                content = [
                    {"type": "audio", "audio": c} if kind == "sound" else {"type": "text", "text": c}
                    for kind, c in turn.parts
                ]
                said.append({"role": "human" if turn.role == "user" else "assistant", "content": content})
            _, text, _ = self.model([*said, {"role": "assistant", "content": None}], **settings)
        return {"text": text.replace("<|EOT|>", "").strip()}


if __name__ == "__main__":
    serve(StepAudio2())
