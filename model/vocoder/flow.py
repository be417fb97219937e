"""The causal flow: units and a speaker to mel, a whole utterance at once; the streamed way is in flow_stream.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.vocoder.config import FlowConfig
from model.vocoder.flow_decoder import Estimator
from model.vocoder.flow_encoder import FlowEncoder
from model.vocoder.memory import Memory, Whole


def time_steps(steps: int) -> list[tuple[float, float]]:
    """Times and step lengths of the Euler solver on the cosine schedule, in the published code's single precision.

    A step's length is the schedule's next time minus the time summed up so far.
    """
    schedule = 1 - torch.cos(torch.linspace(0, 1, steps + 1, device="cpu") * 0.5 * torch.pi)
    span = schedule.numpy()
    time, length = span[0], span[1] - span[0]
    taken: list[tuple[float, float]] = []
    for step in range(1, steps + 1):
        taken.append((float(time), float(length)))
        time = np.float32(time + length)
        if step < steps:
            length = np.float32(span[step + 1] - time)
    return taken


class FlowMatching(nn.Module):
    """Euler steps with classifier-free guidance around the estimator."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.estimator = Estimator(config)
        self.times = time_steps(config.steps)
        self.guidance = config.guidance

    def solve(self, noise: Tensor, mu: Tensor, speaker: Tensor, memory: Callable[[int], Memory]) -> Tensor:
        """Carry noise to mel.

        Args:
            noise: ``[batch, mel, frames]``, float32.
            mu: conditions, ``[batch, mel, frames]``.
            speaker: ``[batch, mel]``.
            memory: gives each Euler step's memory, for rows ``2 * batch`` (conditioned ones first).

        Returns:
            ``[batch, mel, frames]``, float32.
        """
        spread = speaker[..., None].expand(-1, -1, mu.shape[-1])
        given = torch.cat((mu, spread, torch.zeros_like(mu)), 1)
        given = torch.cat((given, torch.zeros_like(given)))
        x = noise
        for step, (time, length) in enumerate(self.times):
            remembered = memory(step)
            twice = x.to(mu.dtype).repeat(2, 1, 1)
            led, free = self.estimator(torch.cat((twice, given), 1), time, remembered).float().chunk(2)
            x = x + length * ((1 + self.guidance) * led - self.guidance * free)
            remembered.keep()
        return x


class Flow(nn.Module):
    """CosyVoice2's flow; its state dict has the names of the published ``flow.pt``."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.config = config
        self.input_embedding = nn.Embedding(config.units, config.width)
        self.spk_embed_affine_layer = nn.Linear(config.xvector, config.mel)
        self.encoder = FlowEncoder(config)
        self.encoder_proj = nn.Linear(config.width, config.mel)
        self.decoder = FlowMatching(config)

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.encoder_proj.weight.device

    def speaker(self, xvector: Tensor) -> Tensor:
        """Normalise and project x-vectors ``[batch, 192]`` to ``[batch, mel]``."""
        xvector = xvector.to(self.device, torch.float32)
        return self.spk_embed_affine_layer(F.normalize(xvector, dim=1).to(self.encoder_proj.weight.dtype))  # type: ignore[no-any-return]

    def conditions(self, ids: Tensor, present: Tensor, units: Memory, frames: Memory) -> Tensor:
        """Encode unit ids ``[batch, new + lookahead]`` to conditions ``[batch, mel, 2 * new]`` (see FlowEncoder)."""
        embedded = self.input_embedding(ids)
        return self.encoder_proj(self.encoder(embedded, present.to(embedded.dtype), units, frames)).transpose(1, 2)  # type: ignore[no-any-return]

    @torch.inference_mode()
    def whole(
        self, units: Sequence[int], speaker: Tensor, noise: Tensor, *, final: bool, left_chunks: int | None = None
    ) -> Tensor:
        """Compute all frames of ``units`` from the beginning; what streaming must equal.

        Args:
            units: unit ids.
            speaker: ``[1, mel]`` from ``speaker``.
            noise: ``[mel, frames]`` or more frames, frame 0 first.
            final: no unit follows; otherwise the last ``lookahead`` units give no frames.
            left_chunks: completed chunks that attention sees; None: all.

        Returns:
            ``[mel, frames]``, float32.
        """
        count, ahead, chunk = len(units), self.config.lookahead, self.config.chunk_units
        usable = count if final else count - ahead
        if usable <= 0:
            return noise.new_zeros((self.config.mel, 0))
        ids = torch.tensor([[*units, *[0] * ahead]], device=self.device)
        present = (torch.arange(count + ahead, device=self.device) < count)[None, :, None]
        slow = Whole(count, chunk, left_chunks, self.device)
        mu = self.conditions(ids, present, slow, Whole(2 * count, 2 * chunk, left_chunks, self.device))
        memory: Memory = Whole(2 * usable, 2 * chunk, left_chunks, self.device)
        start = noise[None, :, : 2 * usable].to(self.device, torch.float32)
        return self.decoder.solve(start, mu[..., : 2 * usable], speaker, lambda step: memory)[0]
