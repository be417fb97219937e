"""Which espeak-ng voice speaks for whom: variant, pitch, size and pace by sex, age and seed; it makes no sound.

Pitches follow what is measured of speakers: men about 85 to 155 Hz, women 165 to 255 Hz, children above that
(Titze, Principles of Voice Production, 1994, ch. 6-8); the shorter a speaker's vocal tract, the higher all resonances.
espeak cannot shorten it, so its samples are declared to run faster by that factor, and its pace is slowed by as much.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Final, Literal

from agents.protocols import SpeakerCard
from agents.voices.ages import age_group
from scenarios.identity import derive_seed
from scenarios.schema import AgeGroup, Language

CASTING_VERSION: Final = 1
"""Raise it whenever the same card gets another voice."""
ENGINE_HZ: Final = 22_050
Kind = Literal["child", "girl", "boy", "young woman", "woman", "old woman", "young man", "man", "old man"]

ACCENTS: Final[dict[Language, tuple[str, ...]]] = {"zh": ("cmn",), "en": ("en-us", "en-us", "en-us", "en")}
"""espeak's names of Mandarin, American and (one speaker in four) British English."""
_PACE: Final[dict[Language, float]] = {"zh": 1.12, "en": 1.0}
"""Of a language against espeak's own: Mandarin is spoken at four to five syllables a second."""
_VOLUME: Final[dict[Language, float]] = {"zh": 0.75, "en": 1.1}
"""espeak speaks Mandarin louder than English."""


@dataclass(frozen=True, slots=True)
class _Variant:
    """A voice variant of espeak: median F0 in Hz at pitch 50, measured in both languages, and an even loudness."""

    name: str
    hz: float
    volume: int


_F1, _F2, _F3 = _Variant("f1", 168, 60), _Variant("f2", 180, 60), _Variant("f3", 191, 70)
_F4, _F5, _STEPH = _Variant("f4", 167, 60), _Variant("f5", 191, 70), _Variant("steph", 178, 70)
_GRANDMA, _GRANDPA, _CROAK = _Variant("grandma", 179, 75), _Variant("grandpa", 98, 70), _Variant("croak", 98, 70)
_M1, _M2, _M3 = _Variant("m1", 86, 75), _Variant("m2", 95, 80), _Variant("m3", 96, 70)
_M4, _M6, _M7 = _Variant("m4", 86, 75), _Variant("m6", 94, 70), _Variant("m7", 95, 65)
_M8, _MAX = _Variant("m8", 78, 100), _Variant("max", 93, 80)


@dataclass(frozen=True, slots=True)
class _Range:
    """What a kind of speaker may get: variants, F0 in Hz, size factor, words a minute (each lowest and highest)."""

    variants: tuple[_Variant, ...]
    hz: tuple[float, float]
    size: tuple[float, float]
    pace: tuple[float, float]


_WOMEN, _MEN = (_F1, _F2, _F3, _F4, _F5, _STEPH), (_M1, _M2, _M3, _M4, _M6, _M7, _M8, _MAX)
_RANGES: Final[dict[Kind, _Range]] = {
    "child": _Range((_F1, _F2, _F3, _F5), (270, 330), (1.14, 1.26), (145, 165)),
    "girl": _Range((_F1, _F2, _F3, _F5), (225, 255), (1.04, 1.10), (160, 185)),
    "boy": _Range((_M1, _M3, _M4, _M6, _MAX), (130, 165), (1.02, 1.08), (160, 185)),
    "young woman": _Range(_WOMEN, (190, 245), (1.0, 1.06), (170, 195)),
    "woman": _Range(_WOMEN, (175, 230), (0.97, 1.05), (160, 185)),
    "old woman": _Range((_GRANDMA, _F1, _F4), (155, 195), (0.94, 1.01), (125, 148)),
    "young man": _Range(_MEN, (105, 150), (0.97, 1.03), (170, 195)),
    "man": _Range(_MEN, (92, 138), (0.93, 1.02), (160, 185)),
    "old man": _Range((_GRANDPA, _CROAK, _M1), (85, 118), (0.91, 0.99), (125, 148)),
}
_ADULTS: Final[dict[AgeGroup, tuple[Kind, Kind]]] = {
    "青年": ("young woman", "young man"), "成年": ("woman", "man"), "老年": ("old woman", "old man"),
}
_VOICE_BREAKS_YEARS = 14.0
_STEPS = 8
_RATE_STEP_HZ = 200
"""Rates that have a large divisor in common with 16 and 24 kHz are resampled with a quarter less work."""


@dataclass(frozen=True, slots=True)
class EspeakCast:
    """How espeak is to speak.

    ``voice``: espeak's name with a variant; ``pitch``, ``pitch_range``: 0 to 99; ``volume``: 100 is espeak's own;
    ``rate_hz``: at what rate its samples are played, i.e. ``ENGINE_HZ`` times the size factor.
    """

    voice: str
    pitch: int
    pitch_range: int
    volume: int
    words_a_minute: int
    rate_hz: int = ENGINE_HZ

    def __str__(self) -> str:
        """Return it in words, for a turn's record."""
        size = self.rate_hz / ENGINE_HZ
        return f"{self.voice}, pitch {self.pitch}, {self.words_a_minute} words a minute, size {1 / size:.2f}"


def cast(card: SpeakerCard) -> EspeakCast:
    """Return the voice of a card: the same for equal cards; what a card does not tell, its seed decides.

    Where the age is not known, the speaker is an adult; children have one kind of voice until it breaks at 14.
    """
    chance = random.Random(derive_seed(card.seed, "espeak", card.name))
    woman, group_draw = chance.random() < 0.5, chance.random()
    kind = _kind(card, woman, group_draw)
    allowed = _RANGES[kind]
    variant = allowed.variants[chance.randrange(len(allowed.variants))]
    hz, size, pace = (_between(limits, chance) for limits in (allowed.hz, allowed.size, allowed.pace))
    rate_hz = _RATE_STEP_HZ * round(ENGINE_HZ * size / _RATE_STEP_HZ)
    size = rate_hz / ENGINE_HZ
    accent = ACCENTS[card.language][chance.randrange(len(ACCENTS[card.language]))]
    return EspeakCast(
        voice=f"{accent}+{variant.name}", pitch=_pitch(hz / (variant.hz * size)), pitch_range=chance.randrange(45, 66),
        volume=round(variant.volume * _VOLUME[card.language]),
        words_a_minute=round(pace * _PACE[card.language] / size), rate_hz=rate_hz,
    )


def _kind(card: SpeakerCard, woman_else: bool, group_draw: float) -> Kind:
    woman = woman_else if card.sex == "unknown" else card.sex == "female"
    group = card.age_group or age_group(card.age_years) or tuple(_ADULTS)[int(group_draw * len(_ADULTS))]
    if group != "少年":
        return _ADULTS[group][0 if woman else 1]
    if card.age_years is None or card.age_years < _VOICE_BREAKS_YEARS:
        return "child"
    return "girl" if woman else "boy"


def _between(limits: tuple[float, float], chance: random.Random) -> float:
    """Return one of a few steps between the limits, so that two speakers differ audibly or not at all."""
    low, high = limits
    return low + (high - low) * chance.randrange(_STEPS) / (_STEPS - 1)


def _pitch(factor: float) -> int:
    """Return espeak's pitch for a factor on a variant's own: 0, 50 and 100 are half, once and twice as high."""
    return max(0, min(99, round(50 + 50 * math.log2(factor))))
