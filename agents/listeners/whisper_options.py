"""What a batch file may say about openai-whisper: weights, where they run, how words are chosen."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from scenarios.schema.base import Frozen, Text


class WhisperOptions(Frozen):
    """Weights, where they run, and how words are chosen."""

    speed_only: ClassVar[frozenset[str]] = frozenset({
        "download_root", "device", "threads", "batch_size", "batch_wait_ms",
    })

    model: Text = Field(description="a checkpoint file (.pt), or a published name whose file is there already")
    download_root: str = Field(default="", description="where published models lie; empty: whisper's own cache folder")
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d{1,3})?|mps)$", description="auto: a GPU, or CPU")
    threads: int = Field(default=0, ge=0, le=1024, description="on the CPU; 0: as many as torch takes")
    batch_size: int = Field(default=8, ge=1, le=256, description="waiting sounds understood together")
    batch_wait_ms: float = Field(default=5.0, ge=0, le=1_000, description="how long the first one waits for company")
    fp16: Literal["auto", "yes", "no"] = Field(default="auto", description="half precision; auto: on a GPU only")
    language: str = Field(
        default="", pattern=r"^([a-z]{2,3}|auto)?$", description="a code such as zh; empty: the case's; auto: detected"
    )
    beam_size: int | None = Field(default=None, ge=1, le=50, description="none: the likeliest next token, greedily")
    temperatures: tuple[float, ...] = Field(
        default=(0.0,), min_length=1, max_length=10,
        description="tried in turn until the text is likely enough; above 0 words are drawn with the turn's seed",
    )
    prompt_zh: str = Field(
        default="以下是普通话的句子，使用简体中文。", max_length=500,
        description="said before Chinese sound, as context",
    )
    prompt_en: str = Field(default="", max_length=500, description="said before English sound, as context")
    suppress_tokens: str = Field(default="-1", pattern=r"^[-0-9, ]*$", description="-1: symbols that nobody speaks")
    no_speech_threshold: float = Field(default=0.6, ge=0, le=1, description="above it an unlikely text is silence")
    logprob_threshold: float = Field(default=-1.0, le=0, description="mean log probability that is likely enough")
    compression_ratio_threshold: float = Field(default=2.4, gt=0, description="above it a text repeats itself")
