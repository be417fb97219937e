"""SpeechGPT-2.0-preview behind the clinic's HTTP contract, with its published code; answers in text, or in both.

The published class keeps one dialogue in itself. Here it is cleared at each request and the dialogue told again, so
that a reply depends on the request alone.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clinic_service import (  # noqa: E402
    Doctor,
    Refused,
    Turn,
    from_environment,
    option,
    safe_weights,
    seed_everything,
    serve,
    turns_of,
    use_repository,
    with_sound,
)

MARKS = r"###|\[\|\w+\|\]:?"
"""What separates the parties in this model's prompt."""


class SpeechGPT2(Doctor):
    """One sampled reply at a time."""

    name = "SpeechGPT-2.0-preview"
    hears = True
    speaks = True
    sample_rate_hz = 24_000

    def load(self) -> None:
        """Load model and codec, and the greeting with which every dialogue of this model begins."""
        repository = use_repository()
        weights, codec = from_environment("MODEL", "the model"), from_environment("CODEC", "its codec")
        safe_weights()
        from demo_gradio import Inference, InputSegment
        from mimo_qwen2_grouped import MIMOModelArguments

        self.segment = InputSegment
        self.inference = Inference(
            str(weights), None, MIMOModelArguments(model_name_or_path=str(weights)),
            str(codec / "sg2_codec_ckpt.pkl"), str(repository / "Codec" / "config" / "sg2_codec_config.yaml"),
        )
        greeting = json.loads((repository / "extra" / "greetings.jsonl").read_text("utf-8").splitlines()[0])
        self.inference.set_greeting(greeting["text"], greeting["audio"])

    def reply(self, request: dict[str, Any]) -> dict[str, Any]:
        """Tell the model what was said before, then let it answer the patient's last words."""
        model = self.inference
        settings = {"temperature": option(request, "temperature", 0.8), "top_p": option(request, "top_p", 0.9)}
        if settings["temperature"] <= 0:
            raise Refused(400, "bad_request", "options.temperature must be above 0: the published code always samples")
        model.generate_kwargs = {**model.generate_kwargs, **settings}
        seed_everything(request["seed"])
        with turns_of(request, marks=MARKS) as turns:
            model.clear_history()
            into = "s" if request["speak"] else "t"
            model.history = self._before(turns[:-1], into)
            with self._heard(turns[-1], into) as heard:
                text, sound = model.forward(task="thought", **heard)
        reply = {"text": text.replace("<|empty|>", "").split("###")[0].strip()}
        if not request["speak"]:
            return reply
        rate_hz, samples = sound or (self.sample_rate_hz, ())
        return with_sound(reply, samples, rate_hz)

    @contextlib.contextmanager
    def _heard(self, turn: Turn, into: str) -> Iterator[dict[str, Any]]:
        """Yield one turn as the published class wants it: sound alone is an open file, all else is words.

        ``into``: the answer is wanted as "t", text, or "s", speech. Words can be lost only where the listener has not
        written down what stands beside other words: then the sound is told, and the words are left out.
        """
        sounds = [content for kind, content in turn.parts if kind == "sound"]
        if len(sounds) == 1 and (len(turn.parts) == 1 or not all(turn.words)):
            with open(sounds[0], "rb") as file:
                yield {"input": file, "mode": f"s2{into}"}
        else:
            yield {"input": turn.text, "text": turn.text, "mode": f"t2{into}"}

    def _before(self, turns: list[Turn], into: str) -> list[Any]:
        """Return the history as the published class keeps it: one row of ids, text and sound tokens in turn."""
        import torch

        model, ids = self.inference, []
        for turn in turns:
            if turn.role == "assistant":
                ids.append(self._ids(f"{turn.text} ###\n{model.tokenizer.eos_token}"))
                continue
            with self._heard(turn, into) as heard:
                words = {"transcript": heard.pop("text")} if "text" in heard else {}
                ids.append(model.preprocess(group_size=model.group_size, **heard, **words).cpu())
            model.history = [True]   # any history: the published class greets only where there is none
        return [torch.cat(ids, dim=1).T.reshape(1, -1).to(model.device)] if ids else []

    def _ids(self, text: str) -> Any:
        return self.segment(text).to_input_id(self.inference.tokenizer, self.inference.group_size)


if __name__ == "__main__":
    serve(SpeechGPT2())
