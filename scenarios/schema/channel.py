"""What lies between two speakers: the room and the line that sound goes through, and how they take turns."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from scenarios.schema.base import Frozen

NoiseKind = Literal["white", "pink", "brown", "hum", "babble", "clinic", "rain"]


class Noise(Frozen):
    """Generated noise at a signal-to-noise ratio over the active speech level (ITU-T P.56).

    ``white``: equal power at all frequencies; ``pink``: 3 dB less each octave, ``brown``: 6 dB, both from 50 Hz up;
    ``hum``: 50 Hz mains and its multiples; ``babble``: twelve voices at once; ``clinic``: a waiting room (distant
    babble, ventilation, now and then a beep or a door); ``rain``: on a window.
    """

    kind: NoiseKind = "pink"
    snr_db: float = Field(
        default=20.0, ge=-20, le=80, description="active speech level over the noise's, of this utterance"
    )


class Reverb(Frozen):
    """A room: sound decays in it. The speech level stays; what rings on after the utterance's end is cut."""

    rt60_s: float = Field(default=0.4, ge=0.05, le=3.0, description="time in which sound decays by 60 dB")
    direct_db: float = Field(default=3.0, ge=-20, le=40, description="energy of the direct sound over all the rest")


class PacketLoss(Frozen):
    """Lost packets (Gilbert model); half or more can only be lost in bursts.

    ``conceal``: ``repeat`` plays the last packet again, fading out within 60 ms; ``silence`` plays nothing.
    """

    rate: float = Field(default=0.02, ge=0, le=0.9, description="share of packets lost, on average")
    burst: float = Field(default=1.0, ge=1, le=50, description="mean number of packets lost in a row")
    frame_ms: float = Field(default=20.0, ge=5, le=120, description="length of a packet")
    conceal: Literal["silence", "repeat"] = "repeat"

    @model_validator(mode="after")
    def _bursts_make_the_rate(self) -> PacketLoss:
        shortest = self.rate / (1 - self.rate)
        if self.burst < shortest - 1e-9:
            raise ValueError(
                f"a loss rate of {self.rate:g} needs bursts of {shortest:.3g} packets: raise burst or lower rate"
            )
        return self


class Coughs(Frozen):
    """Coughs at random moments, between and over the words."""

    per_minute: float = Field(default=4.0, gt=0, le=60, description="on average; a short answer may have none")
    level_db: float = Field(default=0.0, ge=-40, le=20, description="a cough's level over the active speech level")


class Channel(Frozen):
    """Effects on the patient's sound before a doctor hears it; all are seeded, and rate and length stay as they are.

    They are applied in this order: coughs, reverb, noise, gain (clips like a microphone), telephone band, packet loss.
    Where the sum of what the room adds exceeds full scale, all of it is turned down together, so ratios stay true.
    """

    coughs: Coughs | None = None
    reverb: Reverb | None = None
    noise: Noise | None = None
    gain_db: float = Field(default=0.0, ge=-60, le=40, description="of the microphone; beyond full scale it clips")
    telephone: Literal["", "narrowband", "wideband"] = Field(
        default="", description="narrowband: 300-3400 Hz, 8 kHz, mu-law; wideband: 50-7000 Hz"
    )
    packet_loss: PacketLoss | None = None


class TurnTaking(Frozen):
    """How a patient takes turns: may interrupt, waits before answering, or answers with silence."""

    interrupts: float = Field(default=0.0, ge=0, le=1, description="probability, for each spoken doctor turn")
    pause_s: tuple[float, float] = Field(default=(0.2, 0.8), description="shortest and longest wait before answering")
    silent: float = Field(default=0.0, ge=0, le=0.9, description="probability that an answer is silence")
    silence_s: float = Field(default=4.0, gt=0, le=60, description="how long such a silence is")

    @model_validator(mode="after")
    def _pause_is_a_range(self) -> TurnTaking:
        low, high = self.pause_s
        if not 0 <= low <= high <= 60:
            raise ValueError("pause_s must be [shortest, longest] in seconds, from 0 to 60")
        return self
