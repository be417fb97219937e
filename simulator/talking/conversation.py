"""One conversation: what is said goes to the doctor, what it answers is shown, played and kept; it reads no keys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

from agents.sound.wave import Sound
from scenarios.errors import ClinicError, SoundError
from scenarios.identity import derive_seed
from scenarios.schema import Usage
from simulator.talking.devices import SoundCard, Speaker
from simulator.talking.measured import Answer, facts
from simulator.talking.partner import Anew, Partner, Said, Voiced, Words
from simulator.talking.saving import save
from simulator.talking.sounds import read_turn
from simulator.talking.texts import sound_problem, text
from simulator.talking.transcript import Line, Transcript, Way
from simulator.talking.views import View


class Conversation:
    """Says things and gets answers; ``well`` turns False with the first thing that failed."""

    def __init__(self, partner: Partner, transcript: Transcript, view: View, card: SoundCard | None = None) -> None:
        """``card`` plays answers; None: nobody hears them here."""
        self.partner, self.transcript, self.view, self._card = partner, transcript, view, card
        self.language = transcript.about.language
        self.well = True
        self._failed = 0

    async def say(self, words: str) -> None:
        """Say typed words."""
        await self._said(words, None, "typed")

    async def play_file(self, path: Path) -> None:
        """Say a recording; what is wrong with it is shown, and nothing is said."""
        try:
            if not self.partner.hears:
                raise ClinicError(text(self.language, "cannot_hear", doctor=self.partner.name))
            sound = await asyncio.to_thread(read_turn, path, self.partner.longest_s)
        except SoundError as error:
            return self.failed(sound_problem(self.language, str(path), error, self.partner.longest_s))
        except ClinicError as error:
            return self.failed(str(error))
        await self._said("", sound, "file", path.name)

    async def speak(self, sound: Sound) -> None:
        """Say what a microphone heard."""
        await self._said("", sound, "microphone")

    async def again(self) -> None:
        """Answer the last words once more, with another seed."""
        turns = self.transcript.turns
        if not turns:
            return self.failed(text(self.language, "nothing_to_repeat"))
        if turns[-1].role == "doctor":
            await self._answer(turns[-1].attempt + 1, turns[-1])
        else:
            await self._answer(0)

    async def go_on(self) -> None:
        """Answer what a stored conversation ends with, where nobody did."""
        if self.transcript.unanswered:
            self.view.note(text(self.language, "unanswered"))
            await self._answer(0)

    async def save(self, where: str) -> None:
        """Write what was said, or the last sound."""
        if not self.transcript.turns:
            return self.failed(text(self.language, "nothing_to_save"))
        try:
            path = await asyncio.to_thread(save, self.transcript, where)
        except ClinicError as error:
            return self.failed(str(error))
        self.view.note(text(self.language, "saved", path=path))

    def failed(self, why: str) -> None:
        """Show what went wrong; the conversation goes on."""
        self.well = False
        self.view.error(why)

    async def _said(self, words: str, sound: Sound | None, way: Way, name: str = "") -> None:
        transcript = self.transcript
        if self._failed:
            transcript.withdraw(self._failed)
            self._failed = 0
        audio = None
        if sound is not None:
            sound, audio = await asyncio.to_thread(transcript.put, sound)
        line = transcript.add(Line(number=transcript.next_number, role="patient", text=words, audio=audio, way=way))
        if sound is not None:
            spoken = text(self.language, "spoken", seconds=sound.seconds)
            self.view.patient(line.number, f"{name}, {spoken}" if name else spoken)
        elif way == "typed":
            self.view.patient(line.number, words)
        await self._answer(0)

    async def _answer(self, attempt: int, instead: Line | None = None) -> None:
        """Let the doctor answer; broken off, what was said until then counts, and CancelledError is passed on."""
        transcript, answer = self.transcript, Answer()
        number = instead.number if instead else transcript.next_number
        seed = derive_seed(transcript.about.seed, "talk", number, attempt)
        speaker = self._card.speaker() if self._card is not None else None
        self.view.begin(number)
        try:
            await self._hear(answer, transcript.told(number), seed, speaker)
        except asyncio.CancelledError:
            answer.broken_off, answer.heard_s = True, speaker.played_s if speaker else None
            self._keep(answer, number, attempt)
            raise
        except ClinicError as error:
            self.view.end([text(self.language, "took", seconds=answer.total_s)])
            self.failed(str(error))
            self.view.note(text(self.language, "again_later"))
            self._failed = 0 if instead else transcript.turns[-1].number
            return
        finally:
            if speaker is not None:
                speaker.stop()
        self._keep(answer, number, attempt)

    async def _hear(self, answer: Answer, told: Sequence[Said], seed: int, speaker: Speaker | None) -> None:
        start = time.monotonic()
        async with aclosing(self.partner.answer(told, seed)) as events:
            async for event in events:
                answer.take(event, time.monotonic() - start)
                if isinstance(event, Words):
                    self.view.words(event.text)
                elif isinstance(event, Anew):
                    self.view.anew()
                elif isinstance(event, Voiced) and speaker is not None:
                    speaker.play(event.sound)
        if answer.first_words_s is None:
            self.view.words(answer.words)
        if speaker is not None:
            if not answer.pieces and answer.sound is not None:
                speaker.play(answer.sound)
            await speaker.finish()

    def _keep(self, answer: Answer, number: int, attempt: int) -> None:
        """Write the turn, unless it was broken off before anything came; then an older answer stays."""
        self._failed = 0
        sound, over = answer.sound, answer.over
        if answer.broken_off and not answer.words.strip() and sound is None:
            return self.view.end(facts(answer, self.language, ""))
        audio = self.transcript.put(sound)[1] if sound is not None else None
        used = Usage(prompt=over.prompt, completion=over.completion, cached=over.cached) if over else None
        self.transcript.add(Line(
            number=number, role="doctor", text=answer.words.strip(), audio=audio, finish=answer.finish,
            attempt=attempt, usage=used, first_words_s=_rounded(answer.first_words_s),
            first_sound_s=_rounded(answer.first_sound_s), total_s=_rounded(answer.total_s),
            heard_s=_rounded(answer.heard_s),
        ))
        path = str(self.transcript.folder / audio.path) if audio else ""
        self.view.end(facts(answer, self.language, path, speaks=self.partner.speaks))


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
