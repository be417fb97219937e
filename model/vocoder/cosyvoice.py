"""CosyVoice2's vocoder for many streams: units in, 24 kHz sound out as it comes; it knows no language model."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from model.errors import BadUnits, SpeechLMError
from model.vocoder.base import Samples, VocoderStream, Work
from model.vocoder.config import VocoderConfig
from model.vocoder.flow import Flow
from model.vocoder.flow_stream import FlowStream, Piece, compute
from model.vocoder.hift import Hift
from model.vocoder.hift_stream import HiftStream, HiftStreams
from model.vocoder.noise import SeededNoise, SourceNoise, StartNoise
from model.vocoder.schedule import Schedule
from model.vocoder.weights import checked_xvector, find_weights, load_flow, load_hift, read_xvector


@dataclass(slots=True, eq=False, weakref_slot=True)
class CosyVoiceStream:
    """One answer on its way; all that it holds is freed by ``close`` and after its final piece."""

    owner: CosyVoice2Vocoder | None
    flow: FlowStream | None
    hift: HiftStream | None
    work: Work = field(default_factory=Work)

    @property
    def closed(self) -> bool:
        """Whether it takes no more units."""
        return self.owner is None

    def close(self) -> None:
        """Free the caches; closing twice is fine."""
        self.owner = self.flow = self.hift = None


@dataclass(slots=True)
class _Job:
    """What one push does for one stream: step by step, frames up to unit ``upto`` and their sound."""

    stream: CosyVoiceStream
    flow: FlowStream
    hift: HiftStream
    final: bool
    upto: int = 0
    ends: bool = False
    mel: list[Tensor] = field(default_factory=list)
    sounds: list[Samples] = field(default_factory=list)


class CosyVoice2Vocoder:
    """Turns CosyVoice2's units into sound (see ``Vocoder`` in base.py).

    What is completed is never computed again: a stream keeps, for each completed chunk of 50 units, the keys and values
    of all attentions at each of the 10 Euler steps and in both guidance halves. At the published sizes these are
    4.6 MB a frame in float32, so 230 MB a second of sound (half of it in bfloat16); ``left_chunks`` bounds them.
    Equal seeds and units give equal sound however the units are cut into pieces, with a schedule that takes every
    boundary (the default); streams in one batch differ from single ones by rounding. Not for two threads at once.
    """

    units_per_s = 25.0

    def __init__(
        self,
        config: VocoderConfig,
        flow: Flow,
        hift: Hift,
        xvector: Tensor,
        *,
        schedule: Schedule | None = None,
        start_noise: StartNoise | None = None,
        left_chunks: int | None = None,
        even_fade: bool = False,
    ) -> None:
        """Put the parts together.

        Args:
            config: sizes of both networks.
            flow: units to mel.
            hift: mel to sound.
            xvector: the speaker, ``[192]``.
            schedule: when units become sound; ``AT_ONCE`` does as the published code does.
            start_noise: the flow's noise; seeded with 0 if left out.
            left_chunks: completed chunks that attention sees; None (exact): all.
            even_fade: let the halves of the cross-fade add up to 1 rather than up to 1.08 as published.
        """
        self.config, self.flow, self.hift = config, flow.eval(), hift.eval()
        self.xvector = checked_xvector(xvector, config.flow.xvector, "speaker")
        self.schedule = schedule or Schedule()
        self.start_noise = start_noise or StartNoise(config.flow.mel)
        self.left_chunks = left_chunks
        self.rate_hz, self.codebook = config.hift.rate_hz, config.flow.units
        self._sound = HiftStreams(hift, config.overlap_frames, even_fade=even_fade)

    @classmethod
    def from_folder(
        cls,
        folder: Path,
        speaker: Path | Tensor,
        *,
        voice: str | None = None,
        schedule: Schedule | None = None,
        left_chunks: int | None = None,
    ) -> CosyVoice2Vocoder:
        """Load ``flow.*`` and ``hift.*`` (.safetensors, .pt) from a folder such as ``ICTNLP/cosy2_decoder``.

        Args:
            folder: where the weights lie; sizes come from its ``config.json`` if it has one, else the published ones.
            speaker: x-vector or a file with one (see ``read_xvector``).
            voice: which of several in that file.
            schedule: see ``__init__``.
            left_chunks: see ``__init__``.

        Raises:
            CheckpointError: a file is missing or damaged, or its keys or shapes are not the network's.
        """
        sizes = folder / "config.json"
        config = VocoderConfig.read(sizes) if sizes.is_file() else VocoderConfig()
        flow = load_flow(config.flow, find_weights(folder, "flow"))
        hift = load_hift(config.hift, find_weights(folder, "hift"))
        xvector = speaker if isinstance(speaker, Tensor) else read_xvector(speaker, config.flow.xvector, voice)
        return cls(config, flow, hift, xvector, schedule=schedule, left_chunks=left_chunks)

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> CosyVoice2Vocoder:
        """Move both networks; ``dtype`` is the flow's (HiFT stays in float32). Open streams must not be used on."""
        self.flow.to(device=device, dtype=dtype)
        self.hift.to(device=device)
        return self

    def open(self, seed: int = 0, source_noise: SourceNoise | None = None) -> CosyVoiceStream:
        """Return a new stream; ``source_noise`` takes the place of the seed's phases and noise."""
        with torch.inference_mode():
            speaker = self.flow.speaker(self.xvector[None])[0]
        flow = FlowStream(self.flow, speaker, self.left_chunks)
        return CosyVoiceStream(self, flow, HiftStream(source_noise or SeededNoise(seed)))

    def push(
        self, streams: Sequence[VocoderStream], units: Sequence[Sequence[int]], final: Sequence[bool]
    ) -> list[Samples]:
        """Give each stream its new units and return what each has ready; see ``Vocoder.push``.

        Raises:
            BadUnits: an id outside the codebook; no stream has taken anything then.
            SpeechLMError: a stream is closed, given twice, or another vocoder's; no stream has taken anything then.

        Any other error on the way (memory that runs out) closes the streams of this push.
        """
        if not len(streams) == len(units) == len(final):
            raise SpeechLMError(
                f"{len(streams)} streams, {len(units)} pieces, {len(final)} marks: these do not go together"
            )
        jobs = self._jobs(streams, [[self._unit(unit) for unit in piece] for piece in units], final)
        try:
            while step := [job for job in jobs if self._aims(job)]:
                self._frames(step)
                self._sounds(step)
        except BaseException:
            for job in jobs:
                job.stream.close()
            raise
        return [self._let_out(job) for job in jobs]

    def _unit(self, unit: object) -> int:
        try:
            number = operator.index(unit)  # type: ignore[arg-type]
        except TypeError as error:
            raise BadUnits(f"unit {unit!r} is not a whole number") from error
        if not 0 <= number < self.codebook:
            raise BadUnits(f"unit {number} is outside the codebook of {self.codebook} (0 to {self.codebook - 1})")
        return number

    def _jobs(self, streams: Sequence[VocoderStream], units: Sequence[list[int]], final: Sequence[bool]) -> list[_Job]:
        jobs = []
        for stream, ends in zip(streams, final, strict=True):
            if not isinstance(stream, CosyVoiceStream) or stream.owner not in (self, None):
                raise SpeechLMError("a stream belongs to another vocoder")
            if stream.flow is None or stream.hift is None:
                raise SpeechLMError("a stream is closed, or has had its final piece: open another one")
            jobs.append(_Job(stream, stream.flow, stream.hift, ends))
        if len({id(stream) for stream in streams}) != len(streams):
            raise SpeechLMError("a stream is given twice in one push: join its units")
        for job, piece in zip(jobs, units, strict=True):
            job.flow.units += piece
            job.stream.work.units += len(piece)
        return jobs

    def _aims(self, job: _Job) -> bool:
        """Set the job's next step; False if nothing is left to do."""
        taken, count = job.flow.taken, job.flow.count
        if not job.final or self.schedule.every:
            shortest = -(-self.config.overlap_frames // 2)
            job.upto = self.schedule.next(count - self.config.flow.lookahead, taken, shortest)
            if job.upto > taken and not (job.final and self.schedule.at_once):
                return True
        job.upto, job.ends = count, job.final
        return job.final and count > taken

    def _frames(self, jobs: Sequence[_Job]) -> None:
        """Compute the jobs' frames, a chunk of each at a time."""
        chunk, ahead = self.config.flow.chunk_units, self.config.flow.lookahead
        while True:
            found = [(job, job.flow.next_piece(job.upto, job.ends, chunk, ahead)) for job in jobs]
            todo = [(job, piece) for job, piece in found if piece is not None]
            if not todo:
                return
            for group in _alike(todo):
                flows, pieces = [job.flow for job, _ in group], [piece for _, piece in group]
                new = compute(self.flow, flows, pieces, self.start_noise)
                for (job, piece), mel in zip(group, new, strict=True):
                    job.mel.append(mel)
                    job.stream.work.frames_computed += 2 * piece.wanted

    def _sounds(self, jobs: Sequence[_Job]) -> None:
        """Turn the jobs' new frames into sound."""
        mels = [torch.cat(job.mel, 1) for job in jobs]
        sounds = self._sound([job.hift for job in jobs], mels, [job.ends for job in jobs])
        for job, sound in zip(jobs, sounds, strict=True):
            job.sounds.append(sound.clip(-1, 1))
            job.mel.clear()

    def _let_out(self, job: _Job) -> Samples:
        sound: Samples = np.concatenate([np.zeros(0, np.float32), *job.sounds])
        work = job.stream.work
        work.samples += len(sound)
        work.frames_emitted = work.samples // self.config.hift.frame_samples
        if job.final:
            job.stream.close()
        return sound


def _alike(todo: Sequence[tuple[_Job, Piece]]) -> list[list[tuple[_Job, Piece]]]:
    """Group pieces so that none is padded to more than twice its length."""
    groups: list[list[tuple[_Job, Piece]]] = []
    for one in sorted(todo, key=lambda each: -each[1].wanted):
        if groups and 2 * one[1].wanted >= groups[-1][0][1].wanted:
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups
