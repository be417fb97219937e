"""openaudio-s1-mini behind the clinic's speech contract, with the published code: it speaks like a recording."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clinic_service import from_environment, safe_weights, use_repository  # noqa: E402
from speech_contract import Refused, Voice  # noqa: E402
from speech_models import cleaned, pcm, pieces_of, watched  # noqa: E402
from speech_service import serve  # noqa: E402

MARKS = r"[()（）]"
"""Words in brackets are moods to this model, (sad) or (whispering); without the brackets they are said."""
FILES = ("config.json", "model.pth", "tokenizer.tiktoken", "codec.pth")
LONGEST, MOST_TOKENS, TOKEN_SAMPLES, REFERENCES_KEPT = 120, 1024, 2048, 64


class FishSpeech(Voice):
    """One text at a time. A piece of text comes whole: the published engine decodes it at its end."""

    name = "openaudio-s1-mini"
    sample_rate_hz = 44_100
    clones = streams = True

    def load(self) -> None:
        """Load the language model, in a thread of its own as published, and the codec."""
        use_repository()
        weights = from_environment("MODEL", "openaudio-s1-mini")
        missing = [name for name in FILES if not (weights / name).is_file()]
        if missing:
            raise FileNotFoundError(f"{weights} lacks {', '.join(missing)}: is it openaudio-s1-mini?")
        import torch

        safe_weights()
        from fish_speech.inference_engine import TTSInferenceEngine
        from fish_speech.models.dac.inference import load_model
        from fish_speech.models.text2semantic.inference import launch_thread_safe_queue
        from fish_speech.utils.schema import ServeReferenceAudio, ServeTTSRequest

        self.request, self.reference = ServeTTSRequest, ServeReferenceAudio
        device = "cuda" if torch.cuda.is_available() else "cpu"
        precision = torch.half if os.environ.get("HALF") == "1" else torch.bfloat16
        compiled = os.environ.get("COMPILE") == "1"
        jobs = watched(lambda: launch_thread_safe_queue(
            checkpoint_path=str(weights), device=device, precision=precision, compile=compiled
        ))
        codec = load_model("modded_dac_vq", str(weights / "codec.pth"), device=device)
        self.engine = TTSInferenceEngine(llama_queue=jobs, decoder_model=codec, precision=precision, compile=compiled)

    def speak(self, request: dict[str, Any]) -> Iterator[bytes]:
        """Yield the sound of all pieces of the text, one after the other."""
        if request["speed"] != 1:
            raise Refused(400, "bad_request", "this model speaks at its own speed: leave speed at 1")
        wav, said = request["ref_audio"], cleaned(request["ref_text"], MARKS)
        references = [self.reference(audio=wav, text=said)] if wav else []
        if wav:
            self._forget(hashlib.sha256(wav).hexdigest(), said)
        for number, piece in enumerate(pieces_of(cleaned(request["input"], MARKS), LONGEST)):
            yield pcm(self._piece(piece, references, (request["seed"] + number) % 2**31))

    def _piece(self, text: str, references: list[Any], seed: int) -> Any:
        """Return the samples of one piece, whole."""
        wanted = self.request(
            text=text, references=references, seed=seed, use_memory_cache="on", normalize=False, streaming=False,
            format="wav", max_new_tokens=MOST_TOKENS,
        )
        samples = None
        for result in self.engine.inference(wanted):
            if result.code == "error":
                raise Refused(422, "model_error", f"the model failed: {result.error}")
            if result.code == "final":
                rate, samples = result.audio
                if rate != self.sample_rate_hz:
                    raise ValueError(f"the codec speaks at {rate} Hz, openaudio-s1-mini at {self.sample_rate_hz}")
        if samples is None:
            raise Refused(422, "empty_sound", "the model made no sound of this text")
        if samples.size >= (MOST_TOKENS - 2) * TOKEN_SAMPLES:
            raise Refused(422, "model_error", "the model came to no end")
        return samples

    def _forget(self, digest: str, said: str) -> None:
        """Bound what the engine keeps of references, and drop one that it knows with other words."""
        known = self.engine.ref_by_hash
        if len(known) >= REFERENCES_KEPT or (digest in known and known[digest][1] != said):
            known.clear()


if __name__ == "__main__":
    serve(FishSpeech(), 8232)
