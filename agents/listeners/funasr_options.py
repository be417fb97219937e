"""What a batch file may say about a FunASR model: weights, where they run, what is written."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from scenarios.schema.base import Frozen, Text


class FunASROptions(Frozen):
    """Weights, where they run, and what is written."""

    speed_only: ClassVar[frozenset[str]] = frozenset({"device", "threads", "batch_wait_ms"})

    model: Text = Field(description="a folder as published: config.yaml, model.pt, am.mvn, bpe.model or tokens.json")
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d{1,3})?)$", description="auto: a GPU, or CPU")
    threads: int = Field(default=0, ge=0, le=1024, description="on the CPU; 0: as many as torch takes")
    batch_size: int = Field(
        default=1, ge=1, le=256,
        description="waiting sounds understood together; above 1 a Paraformer's words depend on the company",
    )
    batch_wait_ms: float = Field(default=5.0, ge=0, le=1_000, description="how long the first one waits for company")
    language: Literal["", "auto", "zh", "en", "yue", "ja", "ko"] = Field(
        default="", description="SenseVoice: empty: the case's; auto: detected. Paraformer knows its own only"
    )
    use_itn: bool = Field(default=True, description="SenseVoice: write digits and punctuation")
    longest_s: float = Field(default=30.0, ge=5, le=120, description="longer sound is cut where it is quietest")
