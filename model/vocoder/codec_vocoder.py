"""The small codec as a vocoder: units of many streams to sound, each computed once; it knows no doctor."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from model.codec import Codec
from model.codec_parts.causal import State, joined, parted
from model.codec_parts.config import UNITS_PER_S, Head
from model.codec_parts.stages import Stage
from model.errors import BadUnits, SpeechLMError
from model.vocoder.base import Samples, VocoderStream, Work


@dataclass(slots=True)
class _Line:
    """What waits before one stage for one stream, and where the stage stopped; no state before the look-ahead is in."""

    waiting: Tensor
    state: State = field(default_factory=list)

    def take(self, count: int) -> Tensor:
        """Return the first ``count`` inputs and forget them."""
        taken, rest = self.waiting[..., :count], self.waiting[..., count:]
        self.waiting = rest.clone()
        return taken


@dataclass(slots=True, eq=False)
class CodecStream:
    """One answer on its way; all that it holds is freed by ``close``."""

    owner: CodecVocoder | None
    lines: list[_Line]
    skip: int
    work: Work = field(default_factory=Work)

    @property
    def closed(self) -> bool:
        """Whether it takes no more units."""
        return self.owner is None

    def close(self) -> None:
        """Free the caches; closing twice is fine."""
        self.owner = None
        self.lines = []


class CodecVocoder:
    """Turns the codec's units into sound (model/vocoder/base.py); ``codec`` must not be trained meanwhile.

    Equal units give equal sound, whatever the pieces, the streams beside them and the seed (nothing is drawn): within
    1e-5 of ``Codec.sound``, by either head. The first sound comes with unit 2 (learned head: 120 samples, then 960 a
    unit) or unit 3 (Griffin-Lim: 600 samples) at the default look-ahead of 60 and 80 ms.
    Streams that have inputs at the same time share each computation; nothing is padded and nothing computed twice.
    """

    def __init__(self, codec: Codec, head: Head | None = None) -> None:
        """Use ``head`` instead of the configuration's if it is given. Raises CheckpointError if the codec lacks it."""
        self._codec: Codec = codec.train(False)
        self._decoder, self._sound = codec.stages(head)
        self._dtype = self._decoder.entry.weight.dtype
        self.rate_hz: int = codec.config.sample_rate
        self.units_per_s: float = float(UNITS_PER_S)
        self.codebook: int = codec.config.codebook

    def open(self, seed: int = 0) -> CodecStream:
        """Return a new stream; the seed changes nothing, as nothing is drawn."""
        config = self._codec.config
        sizes = (len(config.levels), config.mel_bins)
        lines = [_Line(torch.zeros(1, n, 0, dtype=self._dtype, device=self._codec.device)) for n in sizes]
        return CodecStream(self, lines, self._sound.late)

    @torch.inference_mode()
    def push(
        self, streams: Sequence[VocoderStream], units: Sequence[Sequence[int]], final: Sequence[bool]
    ) -> list[Samples]:
        """Give each stream its new units and return what each has ready; see ``Vocoder.push``.

        Raises:
            BadUnits: an id outside the codebook; no stream has taken anything then.
            SpeechLMError: a stream is closed, given twice, or another vocoder's; no stream has taken anything then.
        """
        if not len(streams) == len(units) == len(final):
            raise SpeechLMError(f"{len(streams)} streams, {len(units)} pieces and {len(final)} marks of the end")
        ours = self._own(streams)
        taken = [self._codes(one) for one in units]
        for stream, codes, last in zip(ours, taken, final, strict=True):
            _feed(stream.lines[0], codes, self._decoder.look_ahead if last else 0)
            stream.work.units += codes.shape[-1]
        mels = _advance(self._decoder, [stream.lines[0] for stream in ours])
        for stream, mel, last in zip(ours, mels, final, strict=True):
            _feed(stream.lines[1], mel, self._sound.look_ahead if last else 0)
            stream.work.frames_computed += mel.shape[-1]
        made = _advance(self._sound, [stream.lines[1] for stream in ours])
        return [self._emit(*each) for each in zip(ours, made, final, strict=True)]

    def _own(self, streams: Sequence[VocoderStream]) -> list[CodecStream]:
        ours = [stream for stream in streams if isinstance(stream, CodecStream)]
        if any(stream.closed for stream in ours):
            raise SpeechLMError("a stream is closed, or has had its final piece: open another one")
        if len(ours) != len(streams) or any(stream.owner is not self for stream in ours):
            raise SpeechLMError("a stream belongs to another vocoder")
        if len({id(stream) for stream in ours}) != len(ours):
            raise SpeechLMError("a stream is given twice in one push: join its units")
        return ours

    def _codes(self, units: Sequence[int]) -> Tensor:
        named = self._codec.checked(torch.tensor([_whole(unit) for unit in units], dtype=torch.long))
        codes: Tensor = self._codec.quantizer.codes(named)
        return codes.T.unsqueeze(0).to(self._dtype)

    def _emit(self, stream: CodecStream, made: Tensor, last: bool) -> Samples:
        """Return the new samples of one stream [1, n], without the silence before its first one."""
        if last:
            made = torch.cat([made, self._sound.tail(stream.lines[1].state)], dim=-1)
        drop = min(stream.skip, made.shape[-1])
        stream.skip -= drop
        samples: Samples = made[0, drop:].clamp(-1.0, 1.0).float().cpu().numpy()
        stream.work.samples += len(samples)
        stream.work.frames_emitted = -(-stream.work.samples // self._codec.config.hop)
        if last:
            stream.close()
        return samples


def _feed(line: _Line, new: Tensor, zeros: int) -> None:
    line.waiting = torch.nn.functional.pad(torch.cat([line.waiting, new], dim=-1), (0, zeros))


def _advance(stage: Stage, lines: Sequence[_Line]) -> list[Tensor]:
    """Run all that is ready before a stage, as many lines at a time as have inputs, and return each one's outputs."""
    for line in lines:
        if not line.state and line.waiting.shape[-1] >= stage.look_ahead:
            line.state = stage.prime(line.take(stage.look_ahead), stage.fresh(1))
    made = [[stage.nothing(1)] for _ in lines]
    while ready := [n for n, line in enumerate(lines) if _count(stage, line)]:
        count = min(_count(stage, lines[n]) for n in ready)
        x = torch.cat([lines[n].take(count) for n in ready])
        y, state = stage.step(x, joined([lines[n].state for n in ready]))
        for n, own, row in zip(ready, parted(state), y.split(1), strict=True):
            lines[n].state = own
            made[n].append(row)
    return [torch.cat(rows, dim=-1) for rows in made]


def _count(stage: Stage, line: _Line) -> int:
    """Return how many inputs the stage can take now."""
    return line.waiting.shape[-1] // stage.block * stage.block if line.state else 0


def _whole(unit: object) -> int:
    try:
        number = operator.index(unit)  # type: ignore[arg-type]
    except TypeError as error:
        raise BadUnits(f"unit {unit!r} is not a whole number") from error
    if not -(2**63) <= number < 2**63:
        raise BadUnits(f"unit {number} is outside every codebook")
    return number
