"""The flow, chunk by chunk and for several streams at once; it knows no schedule and no sound.

Everything in the flow is causal by chunk, so what a completed chunk left behind (keys and values, columns before the
convolutions; of the decoder once an Euler step and a guidance half) is kept and never computed again. The frames of a
chunk that is not complete are provisional: they are computed again from the chunk's start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model.vocoder.flow import Flow
from model.vocoder.memory import Continued, Level, Window
from model.vocoder.noise import StartNoise


@dataclass(frozen=True, slots=True)
class Piece:
    """What one stream wants computed of its current chunk.

    ``own``: units of the chunk that are there. ``ahead``: units seen after them. ``wanted``: units to give frames for.
    ``complete``: the chunk is over, and others follow.
    """

    own: int
    ahead: int
    wanted: int
    complete: bool


class FlowStream:
    """One utterance's units since its last completed chunk, and what the chunks before left behind."""

    def __init__(self, flow: Flow, speaker: Tensor, left_chunks: int | None = None) -> None:
        """``speaker``: ``[mel]``, as ``Flow.speaker`` gives it."""
        self.speaker = speaker
        self.units: list[int] = []
        self.start = self.taken = 0
        self.slow, self.fast = Level(left_chunks), Level(left_chunks)
        self.steps = [Level(left_chunks) for _ in flow.decoder.times]

    @property
    def count(self) -> int:
        """Units given so far."""
        return self.start + len(self.units)

    def next_piece(self, upto: int, final: bool, chunk: int, lookahead: int) -> Piece | None:
        """Return what to compute next so that frames for all units before ``upto`` are there; None: they are."""
        if upto <= self.taken:
            return None
        seen = len(self.units) if final else min(upto + lookahead - self.start, len(self.units))
        own, wanted = min(seen, chunk), min(upto - self.start, chunk)
        complete = wanted == chunk and not (final and seen == chunk)
        return Piece(own, min(lookahead, seen - own), wanted, complete)

    def advance(self, piece: Piece, chunk: int) -> int:
        """Note that the piece is computed; return how many of its frames were given out before."""
        old = 2 * (self.taken - self.start)
        self.taken = self.start + piece.wanted
        if piece.complete:
            del self.units[:chunk]
            self.start += chunk
        return old


@torch.inference_mode()
def compute(flow: Flow, streams: Sequence[FlowStream], pieces: Sequence[Piece], noise: StartNoise) -> list[Tensor]:
    """Compute one piece of each stream in one batch; return the new frames of each, ``[mel, frames]``, float32."""
    config = flow.config
    longest, wide = max(piece.own for piece in pieces), max(2 * piece.wanted for piece in pieces)
    ids = torch.zeros((len(streams), longest + config.lookahead), dtype=torch.long)
    present = torch.zeros((*ids.shape, 1))
    start = torch.zeros((len(streams), config.mel, wide))
    for row, (stream, piece) in enumerate(zip(streams, pieces, strict=True)):
        seen = piece.own + piece.ahead
        ids[row, :seen] = torch.tensor(stream.units[:seen])
        present[row, :seen] = 1
        start[row, :, : 2 * piece.wanted] = noise.frames(2 * stream.start, 2 * piece.wanted)
    mu = _conditions(flow, streams, pieces, ids, present)[..., :wide]
    mel = _solve(flow, streams, pieces, start, mu)
    new = []
    for row, (stream, piece) in enumerate(zip(streams, pieces, strict=True)):
        old = stream.advance(piece, config.chunk_units)
        new.append(mel[row, :, old : 2 * piece.wanted])
    return new


def _conditions(
    flow: Flow, streams: Sequence[FlowStream], pieces: Sequence[Piece], ids: Tensor, present: Tensor
) -> Tensor:
    kept, device = [piece.complete for piece in pieces], flow.device
    levels = [[stream.slow for stream in streams], [stream.fast for stream in streams]]
    memories = [
        Continued(level, Window([one.frames for one in level], [times * piece.own for piece in pieces], device), kept)
        for times, level in enumerate(levels, 1)
    ]
    mu = flow.conditions(ids.to(device), present.to(device), *memories)
    for memory in memories:
        memory.keep()
    return mu


def _solve(flow: Flow, streams: Sequence[FlowStream], pieces: Sequence[Piece], start: Tensor, mu: Tensor) -> Tensor:
    kept = [piece.complete for piece in pieces]
    window = Window([s.steps[0].frames for s in streams], [2 * piece.wanted for piece in pieces], flow.device)
    speakers = torch.stack([stream.speaker for stream in streams]).to(mu)

    def memory(step: int) -> Continued:
        return Continued([stream.steps[step] for stream in streams], window, kept, halves=2)

    return flow.decoder.solve(start.to(flow.device), mu, speakers, memory)
