"""Carries out lines: words are said, files played, commands done; it reads no keys and draws nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal

from agents.sound.wave import Sound
from scenarios.errors import ClinicError, SoundError
from simulator.talking.conversation import Conversation
from simulator.talking.devices import SoundCard
from simulator.talking.keys import LISTENING, Lines
from simulator.talking.listening import EndOfSpeech, one_utterance
from simulator.talking.sounds import named_in
from simulator.talking.texts import sound_problem, text

Ends = Literal["key", "vad"]


class Desk:
    """What a person can do in a conversation; ``leaving`` once they asked to go."""

    def __init__(
        self, conversation: Conversation, lines: Lines, card: SoundCard | None = None, ends: Ends | None = None
    ) -> None:
        """``ends`` tells how an utterance ends at the microphone of ``card``; None: there is none."""
        self.conversation, self._lines, self._card, self._ends = conversation, lines, card, ends
        self.leaving = False
        self._heard: Sound | None = None

    def heard(self) -> Sound | None:
        """Return, once, what the last line's microphone heard and is still to be said."""
        sound, self._heard = self._heard, None
        return sound

    async def do(self, line: str) -> None:
        """Carry out one line."""
        typed = line.strip()
        if not typed:
            return await self._listen()
        if typed.startswith("/") and not typed.startswith("//") and (found := named_in(typed)) is None:
            return await self._command(*typed.split(maxsplit=1))
        found = named_in(typed)
        if found is not None:
            return await self.conversation.play_file(found)
        await self.conversation.say(typed.removeprefix("/") if typed.startswith("//") else typed)

    async def _command(self, name: str, rest: str = "") -> None:
        talk = self.conversation
        rest = rest.strip()
        if name == "/file" and rest:
            await talk.play_file(named_in(rest) or Path(rest).expanduser())
        elif name == "/file":
            talk.failed(text(talk.language, "needs_path"))
        elif name == "/again":
            await talk.again()
        elif name == "/save":
            await talk.save(rest)
        elif name == "/help":
            for one in text(talk.language, "help_text", longest=talk.partner.longest_s).split("\n"):
                talk.view.note(one)
        elif name == "/quit":
            self.leaving = True
        else:
            talk.failed(text(talk.language, "unknown", name=name))

    async def _listen(self) -> None:
        talk = self.conversation
        if self._card is None or self._ends is None:
            return talk.view.note(text(talk.language, "no_microphone"))
        talk.view.note(text(talk.language, "listening_pause" if self._ends == "vad" else "listening"))
        ended, problem = asyncio.Event(), ""
        sound: Sound | None = None
        key = asyncio.ensure_future(self._lines.line(LISTENING))
        key.add_done_callback(lambda done: ended.set())
        try:
            end = await asyncio.to_thread(_end_of_speech) if self._ends == "vad" else None
            sound = await one_utterance(self._card.heard(), ended=ended, longest_s=talk.partner.longest_s, end=end)
        except SoundError as error:
            problem = sound_problem(talk.language, text(talk.language, "microphone"), error, talk.partner.longest_s)
        except ClinicError as error:
            problem = str(error)
        finally:
            await self._let_go(key)
        if self.leaving:
            return
        self._heard = sound
        if problem:
            talk.failed(problem)

    async def _let_go(self, key: asyncio.Future[str | None]) -> None:
        key.cancel()
        await asyncio.gather(key, return_exceptions=True)
        if not key.cancelled() and key.exception() is None and key.result() is None:
            self.leaving = True


def _end_of_speech() -> EndOfSpeech:
    from agents.sound.vad import VoiceActivity

    return EndOfSpeech(VoiceActivity())
