"""What one answer took and brought; it measures by the clock that it is given."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.sound.wave import Sound, joined, resampled
from scenarios.schema import Language
from simulator.talking.partner import Anew, Event, Finish, Over, Voiced, Words
from simulator.talking.texts import text


@dataclass
class Answer:
    """An answer while it comes: its words, its sound, and seconds from asking until the first of each."""

    words: str = ""
    pieces: list[Sound] = field(default_factory=list)
    first_words_s: float | None = None
    first_sound_s: float | None = None
    total_s: float = 0.0
    over: Over | None = None
    broken_off: bool = False
    heard_s: float | None = None

    def take(self, event: Event, after_s: float) -> None:
        """Note an event that came ``after_s`` seconds."""
        self.total_s = after_s
        if isinstance(event, Words):
            self.words += event.text
            self.first_words_s = after_s if self.first_words_s is None else self.first_words_s
        elif isinstance(event, Anew):
            self.words, self.first_words_s = "", None
            self.pieces, self.first_sound_s = [], None
        elif isinstance(event, Voiced):
            if len(event.sound.samples):
                self.pieces.append(event.sound)
                self.first_sound_s = after_s if self.first_sound_s is None else self.first_sound_s
        else:
            self.over = event
            self.words = self.words if event.text is None else event.text

    @property
    def finish(self) -> Finish:
        """How it ended."""
        return "cancelled" if self.broken_off or self.over is None else self.over.finish

    @property
    def sound(self) -> Sound | None:
        """All of its sound; None without any."""
        if self.over is not None and self.over.sound is not None:
            return self.over.sound
        if not self.pieces:
            return None
        rate = self.pieces[0].rate_hz
        return joined([resampled(piece, rate) for piece in self.pieces])

    @property
    def real_time_factor(self) -> float | None:
        """Seconds it took for each second of sound; below 1 it keeps up with the listener."""
        sound = self.sound
        return self.total_s / sound.seconds if sound is not None and sound.seconds > 0 else None


def facts(answer: Answer, language: Language, path: str, *, speaks: bool = False) -> list[str]:
    """Return what is worth knowing of an answer, a few words each.

    ``path``: where its sound lies; ``speaks``: there should be some.
    """
    found: list[str] = []
    if answer.finish == "cancelled":
        heard = answer.heard_s
        found.append(text(language, "cancelled") if heard is None else
                     text(language, "cancelled_after", seconds=heard))
    elif answer.finish == "length":
        found.append(text(language, "length"))
    if answer.first_words_s is not None:
        found.append(text(language, "first_words", seconds=answer.first_words_s))
    if answer.first_sound_s is not None:
        found.append(text(language, "first_sound", seconds=answer.first_sound_s))
    found.append(text(language, "took", seconds=answer.total_s))
    if (factor := answer.real_time_factor) is not None:
        found.append(text(language, "real_time", factor=factor))
    if answer.over is not None and answer.over.prompt:
        found.append(text(language, "cached", cached=answer.over.cached, prompt=answer.over.prompt))
    if (sound := answer.sound) is not None and path:
        found.append(text(language, "sound", seconds=sound.seconds, path=path))
    elif speaks and answer.over is not None:
        found.append(text(language, "no_sound"))
    return found
