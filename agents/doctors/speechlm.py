"""The one door to ``model``: opens a SpeechLM in this process, once for all who share it; it knows no consultation.

Whoever wants answers comes in here (the doctor, the server, ``clinic talk``) and finds the events and errors, too. The
network is imported when weights are loaded, not before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from agents.doctors.speechlm_options import SpeechLMOptions
from agents.doctors.speechlm_sharing import Holder, Shared
from agents.sound.wave import Sound, resampled
from model.errors import (
    BadSound,
    BadUnits,
    CheckpointError,
    ContextFull,
    EngineBusy,
    EngineClosed,
    NeedsPackage,
    SpeechLMError,
)
from model.streaming.types import (
    Ended,
    EngineOptions,
    Event,
    Message,
    Role,
    Settings,
    SoundPiece,
    Speech,
    TextPiece,
    UnitPiece,
    Usage,
)
from scenarios.errors import AgentFailure, InputError, MissingExtra
from scenarios.identity import content_hash
from scenarios.schema import HEARD_HZ

if TYPE_CHECKING:
    from model.checkpoint import CheckpointInfo
    from model.streaming.worker import Worker

__all__ = [
    "BadSound", "BadUnits", "CheckpointError", "ContextFull", "Ended", "EngineBusy", "EngineClosed", "Event", "Message",
    "NeedsPackage", "OpenedModel", "Role", "Settings", "SoundPiece", "Speech", "SpeechLMError",
    "SpeechLMOptions", "TextPiece", "UnitPiece", "Usage", "failures", "fingerprint_of", "need_packages", "open_worker",
]
_SEEDS = 2**63


@dataclass(frozen=True, eq=False, slots=True)
class Loaded:
    """A model in memory and the thread that lets it answer."""

    worker: Worker
    info: CheckpointInfo
    rate_hz: int | None
    context: int

    def close(self) -> None:
        """End the answers under way and the thread."""
        self.worker.close()


@dataclass(eq=False)
class OpenedModel:
    """A loaded model that answers.

    ``worker``: ``stream(messages, settings)`` (async) and ``answer(messages, settings)`` (blocking) give events.
    ``rate_hz``: of the sound that comes out, None for a model without a voice. ``context``: positions of a prompt with
    its answer at most. Every holder has an object of its own; the weights go when the last holder has closed.
    """

    worker: Worker
    info: CheckpointInfo
    rate_hz: int | None
    context: int
    options: SpeechLMOptions
    holder: Holder[Loaded] = field(repr=False)

    def to_message(self, role: Role, parts: Sequence[str | Sound]) -> Message:
        """Return one turn; sound of any rate is resampled to 16 kHz. Raises MissingExtra without soxr."""
        return Message(role, tuple(part if isinstance(part, str) else _speech(part) for part in parts))

    def settings(self, *, seed: int = 0, speak: bool | None = None, **changes: Any) -> Settings:
        """Return how one answer is made: as the options say, with ``changes`` of single fields of ``Settings``.

        ``speak``: None means when the model can. ``max_new_tokens`` never grows beyond that of the options.
        """
        o = self.options
        penalty = o.facts.repetition_penalty if o.repetition_penalty is None else o.repetition_penalty
        most = min(changes.pop("max_new_tokens", o.max_new_tokens), o.max_new_tokens)
        made = Settings(
            max_new_tokens=most, speak=self.rate_hz is not None if speak is None else speak, temperature=o.temperature,
            top_k=o.top_k, top_p=o.top_p, repetition_penalty=penalty, unit_temperature=o.unit_temperature,
            unit_top_k=o.unit_top_k, unit_top_p=o.unit_top_p, max_units=o.max_units, stop=o.stop, seed=seed % _SEEDS,
        )
        return replace(made, **changes)

    def close(self) -> None:
        """Let go; closing twice is fine. The last holder ends the answers under way and frees the memory."""
        self.holder.leave()


def open_worker(options: SpeechLMOptions) -> OpenedModel:
    """Load the checkpoint, or share the one that is loaded with the same options; blocks, for minutes with 14B.

    Raises:
        InputError: the checkpoint is not here, damaged or of another vocabulary; a device or package is not there.
        MissingExtra: torch or transformers is not installed.
    """
    need_packages()
    holder = _shared.hold(content_hash(options.loading()), lambda: _load(options))
    one = holder.held
    return OpenedModel(one.worker, one.info, one.rate_hz, one.context, options, holder)


_shared: Shared[Loaded] = Shared()
"""The models in this process. Weights of gigabytes are the one thing that doctors of a process must not each have."""


def need_packages() -> None:
    """Raise MissingExtra when what the model is made of is not installed; nothing is imported."""
    if any(find_spec(module) is None for module in ("torch", "transformers", "safetensors", "soundfile", "soxr")):
        raise MissingExtra("doctor 'speechlm'", "speech")


@contextmanager
def failures() -> Iterator[None]:
    """Raise what the model refuses while it is asked as AgentFailure (doctor | infrastructure)."""
    try:
        yield
    except ContextFull as error:
        raise AgentFailure("doctor", "context_overflow", str(error)) from error
    except BadSound as error:
        raise AgentFailure("doctor", "bad_audio", str(error)) from error
    except EngineBusy as error:
        raise AgentFailure("infrastructure", "rate_limited", str(error), retryable=True) from error
    except EngineClosed as error:
        raise AgentFailure("infrastructure", "model_gone", str(error)) from error
    except SpeechLMError as error:
        raise AgentFailure("infrastructure", "model_error", str(error)) from error


def fingerprint_of(options: SpeechLMOptions) -> str:
    """Return what tells weights, vocoder and adapter from others, without loading them. Raises InputError."""
    from model.loading.fingerprint import fingerprint
    from model.loading.folder import Folder

    places = (options.facts.folder, options.adapter_folder, options.facts.vocoder)
    try:
        return fingerprint(Folder(place) for place in places if place is not None)
    except (SpeechLMError, OSError) as error:
        raise InputError(f"doctor 'speechlm': {error}") from error


def _speech(sound: Sound) -> Speech:
    return Speech(resampled(sound, HEARD_HZ).samples)


def _load(options: SpeechLMOptions) -> Loaded:
    """Put the weights into memory and start the thread. Raises InputError."""
    from model.checkpoint import load
    from model.streaming.engine import Engine
    from model.streaming.limits import context_limits
    from model.streaming.worker import Worker

    o, facts = options, options.facts
    vocoder = facts.vocoder if o.vocoder and facts.speaks else None  # None: the checkpoint's own, where it has one
    try:
        loaded = load(
            facts.folder, device=o.device, dtype=o.dtype, attention=o.attention, adapter=o.adapter_folder,
            merge=not o.quantization, quantization=o.quantization, vocoder=vocoder, speaker=o.speaker or None,
            voice=o.voice or None, encoder_heads=o.encoder_heads, speech_length=o.speech_length,
            long_speech=o.long_speech, system=o.own_system,
        )
        limits = EngineOptions(max_streams=o.max_streams, kept_bytes=o.kept_mb << 20, compile=o.compile)
        engine = Engine(loaded.model, loaded.processor, loaded.vocoder, limits)
    except SpeechLMError as error:
        raise InputError(str(error)) from error
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())[:500]
        raise InputError(f"the SpeechLM {o.checkpoint!r} cannot be loaded: {why}") from error
    rate_hz = loaded.vocoder.rate_hz if loaded.vocoder is not None and loaded.info.speaks else None
    return Loaded(Worker(engine), loaded.info, rate_hz, context_limits(loaded.model)[0])
