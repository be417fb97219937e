"""The SpeechLM as a doctor: hears the patient, answers in text and in its own voice; it knows no tensor and no case."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from agents.doctors.prompts import prompt_fingerprint
from agents.doctors.speaking import doctor_forecast, spoken_reply
from agents.doctors.speechlm import (
    Ended,
    Message,
    OpenedModel,
    Settings,
    SoundPiece,
    TextPiece,
    failures,
    fingerprint_of,
    need_packages,
    open_worker,
)
from agents.doctors.speechlm_hearing import SpokenDialogue
from agents.doctors.speechlm_options import SpeechLMOptions
from agents.llm.forecast import Forecast
from agents.llm.hearing import hearing
from agents.llm.types import Completion
from agents.llm.types import Message as Outline
from agents.patience import waiting
from agents.protocols import DoctorReply, DoctorView
from agents.sound.wave import Sound, joined
from scenarios.errors import AgentFailure, InputError
from scenarios.identity import content_hash
from scenarios.schema import Case, Usage


class SpeechLMDoctor:
    """Hears, thinks and speaks with one model; many consultations are answered together.

    The doctor itself remembers nothing: what earlier turns of a consultation have computed is found again by the
    engine, so that any of them can be resumed, rewound or forked. The weights are loaded at ``preflight``, or with the
    first reply, and let go of at ``aclose``.

    ``wants_words``: what a listener understood is put beside the sound.
    """

    def __init__(self, options: SpeechLMOptions) -> None:
        """Look at the checkpoint's folder; load nothing. Raises MissingExtra or InputError."""
        need_packages()
        facts = options.facts
        if options.speak and not facts.speaks:
            raise InputError(
                f"doctor 'speechlm': speak: true, but {options.checkpoint} has "
                + ("no speech generator: it only writes" if not facts.generates_units else
                   "no vocoder: name one as vocoder, e.g. ICTNLP/cosy2_decoder")
            )
        self._options, self._padded = options, (options.speech_length or ("padded" if facts.padded else "real"))
        self._dialogue = SpokenDialogue(options)
        self._opening: asyncio.Task[OpenedModel] | None = None
        self.fingerprint = content_hash([prompt_fingerprint(), fingerprint_of(options)])
        self.wants_words = options.also_text

    async def reply(self, view: DoctorView) -> DoctorReply:
        """Return the model's next words, spoken too when it is to be heard.

        Raises:
            AgentFailure: ``context_overflow``, ``bad_audio``, ``empty_reply`` (doctor), ``audio_...`` (voice),
                ``model_not_loaded``, ``model_error``, ``model_gone`` (infrastructure).
        """
        try:
            model = await self._opened()
        except InputError as error:
            raise AgentFailure("infrastructure", "model_not_loaded", str(error)) from error
        speak = view.speak and self._options.speaks
        messages = await asyncio.to_thread(self._messages, model, view)
        said = await _said(model, messages, model.settings(seed=view.seed, speak=speak))
        reply = spoken_reply(said, view.language, self._options)
        if speak and reply.sound is None:
            raise AgentFailure("doctor", "bad_audio", "it was to be heard and made no sound")
        return reply

    def asks(self, view: DoctorView) -> list[Outline]:
        """Return the messages that the model is given, a sound as ``{"type": "sound", "seconds"}``; loads nothing."""
        return self._dialogue.outline(view)

    def forecast(self, case: Case, max_turns: int) -> Forecast:
        """Return the expected positions of one consultation, with sound for every answer when it hears."""
        text = doctor_forecast(case, max_turns, self._options, self._options.max_new_tokens)
        return self._dialogue.with_sound(text, max_turns, padded=self._padded == "padded")

    async def preflight(self, longest: int) -> None:
        """Load the weights. Raises InputError when they cannot be, or cannot take ``longest`` positions."""
        model = await self._opened()
        if longest > model.context:
            raise InputError(
                f"{self._options.checkpoint}: a consultation may need {longest} positions, the model takes "
                f"{model.context}. Use fewer turns (max_turns), a smaller max_new_tokens, history: last_only"
                + (", or hear: false" if self._options.hear else "")
            )
        if self._options.speaks and model.rate_hz is None:
            raise InputError(
                f"{self._options.checkpoint} has a voice that its configuration leaves out: say speak: false"
            )

    async def aclose(self) -> None:
        """Let go of the weights; they leave the memory when no other doctor of this process uses them."""
        opening, self._opening = self._opening, None
        if opening is not None:
            await asyncio.wait([opening])
            if not opening.cancelled() and opening.exception() is None:
                await asyncio.to_thread(opening.result().close)

    async def _opened(self) -> OpenedModel:
        """Return the model, loaded by the first who asks; loading does not count towards a turn's time."""
        if self._opening is None or (self._opening.done() and self._opening.exception() is not None):
            self._opening = asyncio.create_task(asyncio.to_thread(open_worker, self._options))
        with waiting():
            return await asyncio.shield(self._opening)

    def _messages(self, model: OpenedModel, view: DoctorView) -> list[Message]:
        """Read the sounds and return what the model is asked. Raises AgentFailure(voice | infrastructure)."""
        return [model.to_message(role, parts) for role, parts in self._dialogue.turns(view)]


async def _said(model: OpenedModel, messages: Sequence[Message], settings: Settings) -> Completion:
    """Ask the model and collect its answer; leaving early (a time limit, an interruption) cancels it."""
    hear = hearing()
    if hear is not None:
        hear.begin()
    texts: list[str] = []
    sounds: list[Sound] = []
    ended: Ended | None = None
    async with model.holder.places(model.options.max_streams).one():
        with failures():
            async with aclosing(model.worker.stream(messages, settings)) as events:
                async for event in events:
                    if isinstance(event, TextPiece):
                        texts.append(event.text)
                        if hear is not None:
                            hear.feed(event.text)
                    elif isinstance(event, SoundPiece):
                        sounds.append(Sound(event.samples, event.rate_hz))
                    elif isinstance(event, Ended):
                        ended = event
    completion = _completion(ended, "".join(texts), sounds, settings)
    if hear is not None:
        hear.end(completion.text)
    return completion


def _completion(ended: Ended | None, text: str, sounds: list[Sound], settings: Settings) -> Completion:
    """Return what was said. Raises AgentFailure(infrastructure) for an answer that broke off."""
    if ended is None or ended.finish == "cancelled":
        raise AgentFailure("infrastructure", "model_gone", "the model was let go of while it answered")
    if ended.finish == "error":
        raise AgentFailure("infrastructure", "model_error", ended.error)
    used = Usage(prompt=ended.usage.prompt, completion=ended.usage.completion, cached=ended.usage.cached)
    full = settings.max_units is not None and ended.usage.units >= settings.max_units
    sound = joined(sounds) if sounds else None
    return Completion(
        text, used, ended.total_s, ended.first_text_s, "length" if full else ended.finish, sound, ended.first_sound_s
    )
