"""Sound of several streams, piece by piece: caches of mel and source and the cross-fade; it knows no units."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from model.vocoder.hift import Hift
from model.vocoder.noise import SourceNoise

Sound = NDArray[np.float32]


class HiftStream:
    """What one stream keeps of its last piece: mel, source and sound of the frames that the next piece begins with."""

    def __init__(self, noise: SourceNoise) -> None:
        """``noise``: this stream's chance."""
        self.noise = noise
        self.calls = 0
        self.mel: Tensor | None = None
        self.source: Tensor | None = None
        self.sound: Tensor | None = None


class HiftStreams:
    """Runs HiFT over the next pieces of several streams.

    The network is not causal: a piece that is not the last keeps back the sound of its last frames, and the next piece
    begins with these frames' mel and source again and fades from the kept sound to its own. The fade's halves are those
    of a Hamming window, whose sum is up to 1.08, as in the published code; ``even_fade`` divides them by their sum.
    """

    def __init__(self, hift: Hift, overlap_frames: int, *, even_fade: bool = False) -> None:
        """``overlap_frames``: mel frames that two pieces share."""
        self.hift, self.overlap = hift, overlap_frames
        self.samples = overlap_frames * hift.config.frame_samples
        window = torch.from_numpy(np.hamming(2 * self.samples))
        self.rising, self.falling = window[: self.samples], window[self.samples :]
        if even_fade:
            total = self.rising + self.falling
            self.rising, self.falling = self.rising / total, self.falling / total

    @torch.inference_mode()
    def __call__(self, streams: Sequence[HiftStream], new: Sequence[Tensor], final: Sequence[bool]) -> list[Sound]:
        """Return the sound that each stream's new frames (``[mel, frames]``) let out, float32."""
        device = self.hift.device
        mels = [
            piece.to(device) if stream.mel is None else torch.cat((stream.mel, piece.to(device)), 1)
            for stream, piece in zip(streams, new, strict=True)
        ]
        sources = self._sources(streams, mels)
        waves = self.hift.decode(_padded(mels), _padded(sources), _lengths(mels))
        sounds = []
        for row, (stream, mel, ends) in enumerate(zip(streams, mels, final, strict=True)):
            wave = self._faded(waves[row, : sources[row].shape[1]], stream.sound)
            stream.calls += 1
            sounds.append(self._let_out(stream, mel, sources[row], wave, ends))
        return sounds

    def _sources(self, streams: Sequence[HiftStream], mels: Sequence[Tensor]) -> list[Tensor]:
        """Excitation of each stream, ``[1, samples]``; it goes on with the source that was heard before."""
        hift, samples = self.hift, self.hift.config.frame_samples
        f0 = _padded([hift.f0_predictor(mel[None]) for mel in mels])[:, 0]  # alone: the phase sums up all differences
        draws = [
            stream.noise.draw(stream.calls, hift.config.harmonics + 1, samples * mel.shape[1])
            for stream, mel in zip(streams, mels, strict=True)
        ]
        phases = torch.stack([phase for phase, _ in draws]).to(hift.device)
        made = hift.m_source(f0, phases, _padded([noise for _, noise in draws]).to(hift.device))
        sources = []
        for row, (stream, mel) in enumerate(zip(streams, mels, strict=True)):
            source = made[row, :, : samples * mel.shape[1]]
            if stream.source is not None:
                source = torch.cat((stream.source, source[:, stream.source.shape[1] :]), 1)
            sources.append(source)
        return sources

    def _faded(self, wave: Tensor, before: Tensor | None) -> Tensor:
        if before is None:
            return wave
        kept = before.cpu().double() * self.falling
        mixed = wave[: self.samples].cpu().double() * self.rising + kept
        return torch.cat((mixed.to(wave), wave[self.samples :]))

    def _let_out(self, stream: HiftStream, mel: Tensor, source: Tensor, wave: Tensor, final: bool) -> Sound:
        if final:
            stream.mel = stream.source = stream.sound = None
        else:
            stream.mel, stream.source = mel[:, -self.overlap :].clone(), source[:, -self.samples :].clone()
            stream.sound = wave[-self.samples :].clone()
            wave = wave[: -self.samples]
        return wave.float().cpu().numpy().astype(np.float32)


def _padded(rows: Sequence[Tensor]) -> Tensor:
    """Stack ``[channels, length]`` tensors with zeros behind the shorter ones."""
    if len({row.shape[1] for row in rows}) == 1:
        return torch.stack(list(rows))
    return pad_sequence([row.T for row in rows], batch_first=True).transpose(1, 2)


def _lengths(rows: Sequence[Tensor]) -> Tensor | None:
    lengths = [row.shape[1] for row in rows]
    return torch.tensor(lengths) if len(set(lengths)) > 1 else None
