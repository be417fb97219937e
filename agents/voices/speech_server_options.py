"""What a batch file may say about any speech server: how it is asked and how patiently; it knows no model."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from agents.llm.options import LLMOptions
from scenarios.schema.base import Frozen

PATIENCE = frozenset({
    "api_key_env", "timeout_s", "total_timeout_s", "retries", "patience_s", "max_concurrency", "max_reply_bytes",
})


class ServerOptions(Frozen):
    """How texts are cut and asked for, and how the server is treated."""

    speed_only: ClassVar[frozenset[str]] = PATIENCE

    api_key_env: str = Field(
        default="", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$|^$", description="the environment variable that holds the key"
    )
    speed: float = Field(default=1.0, ge=0.25, le=4.0, description="1: as the voice speaks by itself")
    stream: bool = Field(default=False, description="ask for sound while it is made, for the time to first audio")
    longest: int | None = Field(
        default=None, ge=20, le=4000, description="characters in one request; None: what voices say in one breath"
    )
    pause_s: float = Field(default=0.15, ge=0, le=2, description="between the pieces of a long text")
    retakes: int = Field(
        default=2, ge=0, le=10, description="further tries, reseeded, of a piece that came out silent or failed"
    )
    max_piece_s: float = Field(default=120.0, gt=0, le=600, description="a piece of text that takes longer has failed")
    timeout_s: float = Field(default=120.0, gt=0, le=86_400, description="of one request")
    total_timeout_s: float = Field(default=600.0, gt=0, le=86_400, description="of one piece with all its retries")
    retries: int = Field(default=5, ge=0, le=50, description="of a request that met 429, 5xx, a timeout or a reset")
    patience_s: float = Field(default=900.0, ge=0, le=604_800, description="how long a dead server is waited for")
    max_concurrency: int = Field(default=16, ge=1, le=65_536, description="requests at once to this server")
    max_reply_bytes: int = Field(default=32_000_000, ge=1_000, description="a longer reply is refused as oversized")

    def way(self, model: str, url: str) -> LLMOptions:
        """Return what the way to a server needs to know; the other options of a language model mean nothing here."""
        return LLMOptions(
            model=model, base_url=url, api_key_env=self.api_key_env, rereads=0, timeout_s=self.timeout_s,
            total_timeout_s=self.total_timeout_s, retries=self.retries, patience_s=self.patience_s,
            max_concurrency=self.max_concurrency, max_reply_bytes=self.max_reply_bytes,
        )


def plain_url(value: str) -> str:
    """Return an address without its last slash. Raises ValueError for one that is none or holds a password."""
    if not value:
        raise ValueError("must look like http://host:port")
    return LLMOptions(model="any", base_url=value).base_url
