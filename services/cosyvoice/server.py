"""CosyVoice2-0.5B behind the clinic's speech contract, with its published code: it speaks like a recording."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clinic_service import from_environment, safe_weights, seed_everything, use_repository  # noqa: E402
from speech_contract import Refused, Voice  # noqa: E402
from speech_models import as_file, cleaned, pcm, pieces_of  # noqa: E402
from speech_service import serve  # noqa: E402

MARKS = r"[\[\]]|</?(?:strong|laughter)>"
"""What turns a word into a command for its tokenizer: [breath], [cough], <strong>, <laughter>; the word is said."""
LONGEST, SPEAKERS_KEPT, FIRST_HOP = 80, 64, 25
RECIPE = re.compile(
    r"ref|(?:new|name):(?:cosyvoice|matcha)\.[\w.]+|new:omegaconf\.DictConfig"
    r"|apply:(?:random\.seed|numpy\.random\.seed|torch\.manual_seed|torch\.cuda\.manual_seed_all)"
)
"""What the weights' cosyvoice2.yaml may ask for; a HyperPyYAML file can otherwise call anything in Python."""


def check_recipe(file: Path) -> None:
    """Raise ValueError when the YAML beside the weights would call anything but the model's own classes."""
    import yaml

    for token in yaml.scan(file.read_text("utf-8")):
        if isinstance(token, yaml.DirectiveToken):
            raise ValueError(f"{file.name}: a YAML directive is not expected; nothing was loaded")
        if isinstance(token, yaml.TagToken):
            handle, suffix = token.value
            if handle != "!" or not RECIPE.fullmatch(suffix):
                line = token.start_mark.line + 1
                raise ValueError(f"{file.name}:{line}: {suffix} is not what this model needs; nothing was loaded")


class CosyVoice(Voice):
    """One text at a time; what it has made of a reference is kept for the next text by the same speaker."""

    name = "CosyVoice2-0.5B"
    sample_rate_hz = 24_000
    clones = needs_reference = streams = True

    def load(self) -> None:
        """Load language model, flow, vocoder and the two encoders of references."""
        use_repository("third_party/Matcha-TTS")
        weights = from_environment("MODEL", "CosyVoice2-0.5B")
        check_recipe(weights / "cosyvoice2.yaml")
        import torch

        safe_weights()
        from cosyvoice.cli.cosyvoice import CosyVoice2

        chosen = {name.lower(): os.environ.get(name) == "1" for name in ("LOAD_JIT", "LOAD_TRT", "FP16")}
        with torch.inference_mode():
            self.model = CosyVoice2(str(weights), **chosen)
        if self.model.sample_rate != self.sample_rate_hz:
            raise ValueError(f"these weights speak at {self.model.sample_rate} Hz, CosyVoice2 at {self.sample_rate_hz}")
        self.speakers: OrderedDict[str, None] = OrderedDict()
        self.lost: list[BaseException] = []
        self._watch_tokens()

    def speak(self, request: dict[str, Any]) -> Iterator[bytes]:
        """Yield the sound of all pieces of the text."""
        speaker = self._speaker(request["ref_audio"], cleaned(request["ref_text"], MARKS))
        stream = request["stream"] and request["speed"] == 1  # its code changes speed of whole sounds only
        seed_everything(request["seed"])
        for piece in pieces_of(cleaned(request["input"], MARKS), LONGEST):
            self.model.model.token_hop_len = FIRST_HOP  # a streamed text leaves a longer one behind for the next
            made = self.model.inference_zero_shot(
                piece, "", "", zero_shot_spk_id=speaker, stream=stream, speed=request["speed"], text_frontend=False
            )
            yield from self._parts(made)

    def _parts(self, made: Iterator[dict[str, Any]]) -> Iterator[bytes]:
        """Yield what the model makes of one piece. Raises Refused when its thread of tokens has failed."""
        import torch

        self.lost.clear()
        while True:
            try:
                with torch.inference_mode():
                    part = next(made, None)
            finally:
                if self.lost:
                    raise Refused(422, "model_error", f"the language model failed: {self.lost[0]}") from self.lost[0]
            if part is None:
                return
            yield pcm(part["tts_speech"])

    def _speaker(self, wav: bytes, said: str) -> str:
        """Return the id under which the model keeps this reference, made when it is new; the oldest is forgotten."""
        speaker = hashlib.sha256(wav + b"\0" + said.encode()).hexdigest()[:32]
        if speaker in self.speakers:
            self.speakers.move_to_end(speaker)
            return speaker
        with as_file(wav) as file:
            self.model.add_zero_shot_spk(said, file, speaker)
        self.speakers[speaker] = None
        while len(self.speakers) > SPEAKERS_KEPT:
            self.model.frontend.spk2info.pop(self.speakers.popitem(last=False)[0], None)
        return speaker

    def _watch_tokens(self) -> None:
        """Let a failure of the thread that makes tokens end the text: a streamed one would wait for it for ever."""
        model, job = self.model.model, self.model.model.llm_job

        def watched_job(text: Any, prompt: Any, tokens: Any, embedding: Any, number: str) -> None:
            try:
                job(text, prompt, tokens, embedding, number)
            except Exception as error:  # noqa: BLE001 - raised again where the text is spoken
                self.lost.append(error)
                model.llm_end_dict[number] = True

        model.llm_job = watched_job


if __name__ == "__main__":
    serve(CosyVoice(), 8231)
