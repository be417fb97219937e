"""How each doctor's consultations sound: a batch's speech keys are checked and become voices, listeners and a room.

It knows the catalogue and what the keys mean together; making and hearing sound is the agents' affair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from agents import catalog
from agents.voices.synthesis import Studio
from graphs.speech import Acoustics
from scenarios.errors import MissingExtra
from scenarios.identity import content_hash
from scenarios.schema import BackendRef, Batch, Speech

COUNTING = ("jiwer", "num2words", "cn2an")
SOUND = ("soundfile", "soxr")


@dataclass
class Voices:
    """Makes each voice and listener once, however many doctors share it.

    ``members`` names them (``voice espeak``, ``listener whisper 2``), ``studios`` holds voices by their identity.
    """

    members: dict[str, Any] = field(default_factory=dict)
    prints: dict[str, str] = field(default_factory=dict)
    _made: dict[str, Any] = field(default_factory=dict)

    def acoustics(
        self, speech: Speech, doctor: Any, name: str, timeout_s: float, *, hears: bool, speaks: bool
    ) -> Acoustics:
        """Return how consultations with ``doctor``, who is called ``name``, sound."""
        if not speech.sounds:
            return Acoustics()
        need_packages(speech)
        listener = speech.listener
        return Acoustics(
            input_speech=speech.input_speech, output_speech=speech.output_speech,
            voice=self._voice(speech.voice) if speech.input_speech else None,
            doctor_voice=self._voice(speech.doctor_voice) if speech.output_speech else None,
            listener=self._one("listener", listener) if listener else None,
            reads=bool(listener and "reads" in catalog.find("listener", listener.backend).capabilities),
            hears=hears, speaks=speaks,
            wants_words=bool(getattr(doctor, "wants_words", False)), channel=speech.channel,
            manners=speech.turn_taking, doctor_name=name, timeout_s=timeout_s,
        )

    def _voice(self, ref: BackendRef | None) -> Studio | None:
        if ref is None:
            return None
        voice = self._one("voice", ref)
        identity = content_hash([catalog.identity("voice", ref), str(getattr(voice, "fingerprint", ""))])
        studio: Studio = self._made.setdefault(f"studio {identity}", Studio(voice, identity))
        return studio

    def _one(self, role: catalog.BackendRole, ref: BackendRef) -> Any:
        mark = f"{role} {content_hash(ref.model_dump(mode='json'))}"
        if mark not in self._made:
            self._made[mark] = agent = catalog.create(role, ref)
            name = f"{role} {ref.backend}"
            number = 1 + sum(known.startswith(name) for known in self.members)
            self.members[name if number == 1 else f"{name} {number}"] = agent
            if found := str(getattr(agent, "fingerprint", "")):
                self.prints[f"{role}.{content_hash(catalog.identity(role, ref))}"] = found
        return self._made[mark]


def speech_identity(speech: Speech, prints: dict[str, str]) -> dict[str, Any] | None:
    """Return what of a doctor's acoustics can change a word or a sound; None where everybody reads."""
    if not speech.sounds:
        return None
    refs: list[tuple[str, catalog.BackendRole, BackendRef | None]] = [
        ("voice", "voice", speech.voice if speech.input_speech else None),
        ("doctor_voice", "voice", speech.doctor_voice if speech.output_speech else None),
        ("listener", "listener", speech.listener),
    ]
    used = {name: catalog.identity(role, ref) for name, role, ref in refs if ref}
    marks = sorted(
        mark for name, role, ref in refs if ref
        and (mark := prints.get(f"{role}.{content_hash(used[name])}"))
    )
    return {
        "mode": speech.mode, **used, "fingerprints": marks,
        "channel": speech.channel and speech.channel.model_dump(mode="json", exclude_none=True),
        "turn_taking": speech.turn_taking.model_dump(mode="json"),
    }


def need_packages(speech: Speech) -> None:
    """Raise MissingExtra when what every spoken batch needs is not installed, before anything is said."""
    wanted = COUNTING if speech.voice is None and speech.doctor_voice is None else (*COUNTING, *SOUND)
    if any(find_spec(name) is None for name in wanted):
        raise MissingExtra(f"a batch in which somebody is heard ({speech.mode})", "voice")


def takes_sound(ref: BackendRef) -> bool:
    """Whether a doctor hears: its backend can, and its options (``hears``) do not say otherwise."""
    return _able(ref, "hears")


def makes_sound(ref: BackendRef) -> bool:
    """Whether a doctor has a voice of its own; as ``takes_sound``, by its options' ``speaks``."""
    return _able(ref, "speaks")


def _able(ref: BackendRef, capability: str) -> bool:
    spec = catalog.find("doctor", ref.backend)
    options = catalog.validate_options(spec, ref.options)
    return capability in spec.capabilities and bool(getattr(options, capability, True))


def check_speech(batch: Batch, complain: Callable[[tuple[str | int, ...], str], None]) -> None:
    """Call ``complain`` with the key and the problem, for each doctor whose speech keys do not fit together."""
    for name, ref in batch.doctors.items():
        speech = batch.speech(name)
        for key, problem in problems(speech, hears=takes_sound(ref.plain), speaks=makes_sound(ref.plain)):
            own = ref.model_dump(exclude_none=True)
            complain(("doctors", name, key) if key in own else (key,) if key in batch.model_fields_set
                     else ("doctors", name), problem)


def problems(speech: Speech, *, hears: bool, speaks: bool) -> list[tuple[str, str]]:
    """Return the keys that do not fit together, or not to a doctor who hears or speaks or neither, with the remedy."""
    reads = bool(speech.listener and "reads" in catalog.find("listener", speech.listener.backend).capabilities)
    return [*_input_problems(speech, hears, reads), *_output_problems(speech, speaks, reads)]


def _input_problems(speech: Speech, hears: bool, reads: bool) -> list[tuple[str, str]]:
    found = []
    if speech.input_speech and speech.voice is None and (hears or not reads):
        found.append(("input_speech", "patients are to be heard and have no voice: add voice: {backend: espeak}"))
    if speech.input_speech and not hears and speech.listener is None:
        found.append(("input_speech", "patients are to be heard and this doctor only reads: add a listener, e.g. "
                                      "listener: {backend: transcript}, or set input_speech: false for it"))
    if speech.channel and not (speech.input_speech and speech.voice):
        found.append(("channel", "nothing goes through the channel: it needs input_speech and a voice"))
    if speech.turn_taking.silent and not speech.input_speech:
        found.append(("turn_taking", "silent answers can only be heard: they need input_speech"))
    return found


def _output_problems(speech: Speech, speaks: bool, reads: bool) -> list[tuple[str, str]]:
    found = []
    if speech.output_speech and speech.listener is None:
        found.append(("output_speech", "doctors are to be heard and nobody listens: add a listener, e.g. "
                                       "listener: {backend: transcript}"))
    if speech.output_speech and speech.doctor_voice is None and not (speaks or reads):
        found.append(("output_speech", "this doctor only writes and has no voice: add doctor_voice: {backend: espeak}"))
    if speech.turn_taking.interrupts and not (speech.output_speech and (speech.doctor_voice or speaks)):
        found.append(("turn_taking", "patients can interrupt only what sounds: it needs output_speech and a voice"))
    return found
