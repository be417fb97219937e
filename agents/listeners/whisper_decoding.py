"""Loads a whisper checkpoint and decodes sounds in batches; it knows tensors and tokens, no consultation.

The rules by which a text is taken for silence, or tried again at a higher temperature, are those of
``whisper.transcribe`` (Radford et al. 2022, section 4.5); decoding pieces in batches is what that function lacks.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.listeners.hearing import pieces, together
from agents.listeners.in_process import Ask, device_of
from agents.listeners.weights import read_checkpoint, weights_hash
from agents.listeners.whisper_options import WhisperOptions
from agents.sound.wave import Samples
from scenarios.errors import AgentFailure, InputError

WINDOW_S = 30.0
SEED_RANGE = 2**63
_drawing = threading.Lock()
"""Whisper draws from torch's one generator: only one thread may set its seed and draw at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Part ``place`` of the sound of ask ``number``."""

    ask: Ask
    number: int
    place: int
    samples: Samples


class WhisperRecogniser:
    """A whisper model; used from one thread."""

    def __init__(self, options: WhisperOptions, file: Path) -> None:
        """Identify the weights; load nothing yet. Raises InputError."""
        self._options, self._file = options, file
        self._model: Any = None
        self.fingerprint = f"whisper-{weights_hash(file)[:32]}"

    @property
    def loaded(self) -> bool:
        """Whether the weights are in memory."""
        return self._model is not None

    def load(self) -> None:
        """Load the weights once. Raises InputError."""
        if self._model is not None:
            return
        torch, whisper = importlib.import_module("torch"), importlib.import_module("whisper")
        self._check_published(whisper)
        if self._options.threads:
            torch.set_num_threads(self._options.threads)
        device, held = device_of(self._options.device), read_checkpoint(self._file)
        try:
            sizes = {str(name): int(size) for name, size in held["dims"].items()}
            model = whisper.model.Whisper(whisper.model.ModelDimensions(**sizes))
            model.load_state_dict(held["model_state_dict"])
            self._model = model.eval().to(device)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            why = " ".join(str(error).split())[:200]
            raise InputError(
                f"{self._file} is no whisper checkpoint ({{dims, model_state_dict}}): {type(error).__name__} {why}"
            ) from error

    def unload(self) -> None:
        """Let go of the weights."""
        self._model = None

    def understand(self, asks: list[Ask]) -> list[str | AgentFailure]:
        """Return a text for each sound."""
        self.load()
        results: dict[int, str | AgentFailure] = {}
        for language in sorted({ask.language for ask in asks}):
            of_language = [index for index, ask in enumerate(asks) if ask.language == language]
            chosen = [asks[index] for index in of_language]
            results |= dict(zip(of_language, self._of_language(chosen), strict=True))
        return [results[index] for index in range(len(asks))]

    def _of_language(self, asks: list[Ask]) -> Sequence[str | AgentFailure]:
        language = asks[0].language
        if not self._model.is_multilingual and (self._options.language or language) not in ("en", "auto"):
            failure = AgentFailure(
                "infrastructure", "wrong_language",
                f"{self._file.name} understands English only, and the case is in {language!r}: use another model",
            )
            return [failure] * len(asks)
        cut = [
            _Piece(ask, number, place, piece)
            for number, ask in enumerate(asks) for place, piece in enumerate(pieces(ask.samples, WINDOW_S))
        ]
        texts: list[list[str]] = [[] for _ in asks]
        size = self._options.batch_size
        for start in range(0, len(cut), size):
            some = cut[start : start + size]
            for piece, text in zip(some, self._texts(some), strict=True):
                texts[piece.number].append(text)
        return [together(of_one, language) for of_one in texts]

    def _texts(self, some: list[_Piece]) -> list[str]:
        """Return the texts of pieces: all at once while nothing is drawn, and one by one what is tried again."""
        audio, torch = importlib.import_module("whisper.audio"), importlib.import_module("torch")
        mels = torch.stack([
            audio.log_mel_spectrogram(audio.pad_or_trim(piece.samples), self._model.dims.n_mels) for piece in some
        ]).to(self._model.device)
        first, *others = self._options.temperatures
        if first == 0:
            decoded = self._decoded(mels, first, some[0])
        else:
            decoded = [self._decoded(mels[n : n + 1], first, piece)[0] for n, piece in enumerate(some)]
        for n, piece in enumerate(some):
            for temperature in others:
                if not self._is_poor(decoded[n]):
                    break
                decoded[n] = self._decoded(mels[n : n + 1], temperature, piece)[0]
        return ["" if self._is_silence(result) else str(result.text) for result in decoded]

    def _decoded(self, mels: Any, temperature: float, piece: _Piece) -> list[Any]:
        whisper = importlib.import_module("whisper")
        options = self._decoding(whisper, piece.ask.language, temperature)
        if options.fp16:
            mels = mels.half()
        if temperature == 0:
            return list(whisper.decode(self._model, mels, options))
        torch = importlib.import_module("torch")
        devices = [self._model.device] if self._model.device.type == "cuda" else []
        with _drawing, torch.random.fork_rng(devices):
            torch.manual_seed((piece.ask.seed + piece.place) % SEED_RANGE)
            return list(whisper.decode(self._model, mels, options))

    def _decoding(self, whisper: Any, spoken: str, temperature: float) -> Any:
        o = self._options
        language = {"": spoken, "auto": None}.get(o.language, o.language)
        half = {"yes": True, "no": False}.get(o.fp16, self._model.device.type == "cuda")
        return whisper.DecodingOptions(
            language=language, temperature=temperature, beam_size=o.beam_size if temperature == 0 else None,
            prompt=(o.prompt_zh if spoken == "zh" else o.prompt_en) or None,
            suppress_tokens=o.suppress_tokens or None, without_timestamps=True, fp16=half,
        )

    def _is_poor(self, result: Any) -> bool:
        """Whether the next temperature is tried."""
        o = self._options
        if self._is_silence(result):
            return False
        return bool(
            result.compression_ratio > o.compression_ratio_threshold or result.avg_logprob < o.logprob_threshold
        )

    def _is_silence(self, result: Any) -> bool:
        o = self._options
        return bool(result.no_speech_prob > o.no_speech_threshold and result.avg_logprob < o.logprob_threshold)

    def _check_published(self, whisper: Any) -> None:
        """Raise InputError when a published model's file is not what was published."""
        address = getattr(whisper, "_MODELS", {}).get(self._options.model)
        if address and address.split("/")[-2] != weights_hash(self._file):
            raise InputError(
                f"{self._file} is not the published {self._options.model!r} (its SHA-256 differs): it is damaged or "
                f"was cut short. Delete it and get it again from {address}"
            )
