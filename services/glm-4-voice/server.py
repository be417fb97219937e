"""GLM-4-Voice behind the clinic's HTTP contract, with its published code; answers in text, with SPEAK=1 in both.

The model writes 13 text tokens and 26 sound tokens in turn. Its sound decoder is loaded only where it is to speak.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clinic_service import (  # noqa: E402
    Doctor,
    Refused,
    Turn,
    from_environment,
    may_speak,
    option,
    replied,
    safe_weights,
    sampling,
    seed_everything,
    serve,
    turns_of,
    use_repository,
    with_sound,
)

PATTERN = (
    "User will provide you with a {what} instruction. Do it step by step. First, think about the instruction and "
    "respond in a interleaved manner, with 13 text token followed by 26 audio tokens."
)
"""The words that the model was trained with; a format, as fixed as a special token."""
CONTEXT = 8192


class GLM4Voice(Doctor):
    """One sampled reply at a time."""

    name = "GLM-4-Voice-9B"
    hears = True
    sample_rate_hz = 22_050

    def load(self) -> None:
        """Load the chat model and the speech tokenizer, and the sound decoder where it is to speak."""
        use_repository("cosyvoice", "third_party/Matcha-TTS")
        weights = from_environment("MODEL", "glm-4-voice-9b")
        ears = from_environment("TOKENIZER", "glm-4-voice-tokenizer")
        import torch
        from transformers import AutoModel, AutoTokenizer, WhisperFeatureExtractor

        safe_weights()
        from speech_tokenizer.modeling_whisper import WhisperVQEncoder
        from speech_tokenizer.utils import extract_speech_token

        self.extract = extract_speech_token
        self.tokenizer = AutoTokenizer.from_pretrained(weights, trust_remote_code=True)
        self.model = AutoModel.from_pretrained(weights, trust_remote_code=True, torch_dtype=torch.bfloat16)
        self.model = self.model.cuda().eval()
        self.ears = WhisperVQEncoder.from_pretrained(ears).eval().cuda()
        self.features = WhisperFeatureExtractor.from_pretrained(ears)
        self.first_sound = self.tokenizer.convert_tokens_to_ids("<|audio_0|>")
        if may_speak():
            from flow_inference import AudioDecoder

            decoder = from_environment("DECODER", "glm-4-voice-decoder")
            self.decoder = AudioDecoder(
                config_path=str(decoder / "config.yaml"), flow_ckpt_path=str(decoder / "flow.pt"),
                hift_ckpt_path=str(decoder / "hift.pt"), device="cuda",
            )
            self.speaks = True

    def reply(self, request: dict[str, Any]) -> dict[str, Any]:
        """Generate the next words of the doctor."""
        import torch

        with turns_of(request) as turns:
            spoken = any(kind == "sound" for kind, _ in turns[-1].parts)
            prompt = f"<|system|>\n{option(request, 'system', PATTERN.format(what='speech' if spoken else 'text'))}"
            prompt += "".join(self._turn(turn) for turn in turns) + "<|assistant|>streaming_transcription\n"
        ids = self.tokenizer([prompt], return_tensors="pt").input_ids.cuda()
        settings = sampling(request, temperature=0.2, top_p=0.8, max_new_tokens=2000)
        if ids.shape[1] + settings["max_new_tokens"] > CONTEXT:
            raise Refused(422, "context_overflow", f"{ids.shape[1]} tokens of dialogue do not fit {CONTEXT}")
        seed_everything(request["seed"])
        with torch.inference_mode():
            out = self.model.generate(ids, **settings)[0, ids.shape[1]:].tolist()
        words = [token for token in out if token < self.first_sound]
        text = self.tokenizer.decode(words, skip_special_tokens=True)
        reply = replied(text, ids.shape[1], len(out), settings["max_new_tokens"])
        return self._spoken(reply, out) if self.speaks and request["speak"] else reply

    def _spoken(self, reply: dict[str, Any], tokens: list[int]) -> dict[str, Any]:
        import torch

        sounds = [token - self.first_sound for token in tokens if token >= self.first_sound]
        if not sounds:
            raise Refused(422, "bad_audio", "the model wrote an answer and made no sound of it")
        with torch.inference_mode():
            samples = self.decoder.offline_inference(torch.tensor([sounds], dtype=torch.int32))
        return with_sound(reply, samples, self.sample_rate_hz)

    def _turn(self, turn: Turn) -> str:
        if turn.role == "assistant":
            return f"<|assistant|>\n{turn.text}"
        return "<|user|>\n" + "\n".join(self._sound(c) if kind == "sound" else c for kind, c in turn.parts)

    def _sound(self, file: str) -> str:
        tokens = self.extract(self.ears, self.features, [file])[0]
        if not tokens:
            raise Refused(422, "audio_unreadable", "the speech tokenizer found nothing in the sound")
        return "<|begin_of_audio|>" + "".join(f"<|audio_{token}|>" for token in tokens) + "<|end_of_audio|>"


if __name__ == "__main__":
    serve(GLM4Voice())
