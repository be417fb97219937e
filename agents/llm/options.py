"""What a batch file may say about a model and its server; it holds no secret, only the name of one's variable."""

from __future__ import annotations

from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from scenarios.schema.base import Frozen, Text

DEFAULT_URL = "http://127.0.0.1:8000/v1"


class Price(Frozen):
    """Money per million tokens; ``cached`` is the price of prompt tokens that the server's prefix cache held."""

    prompt: float = Field(ge=0)
    completion: float = Field(ge=0)
    cached: float | None = Field(default=None, ge=0, description="None: cached prompt tokens cost what others do")
    currency: str = "USD"


class LLMOptions(Frozen):
    """A model, how it samples, and how its server is treated.

    ``speed_only`` names the keys that cannot change a word; they stay out of a run's identity, so that a batch
    may be resumed on another server or with more patience.
    """

    speed_only: ClassVar[frozenset[str]] = frozenset({
        "base_url", "api_key_env", "engine", "engine_args", "stream", "timeout_s", "total_timeout_s", "retries",
        "patience_s", "max_concurrency", "max_reply_bytes", "price",
    })

    model: Text = Field(description="the name by which the server knows it; in-process: a folder of weights")
    base_url: str = Field(default="", description=f"of the server; empty: $CLINIC_BASE_URL, else {DEFAULT_URL}")
    api_key_env: str = Field(
        default="", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$|^$", description="the environment variable that holds the key"
    )
    engine: Literal["server", "in-process"] = Field(default="server", description="in-process: vllm.AsyncLLM, here")
    engine_args: dict[str, Any] = Field(default={}, description="in-process: arguments of vLLM's engine")
    temperature: float = Field(default=0.7, ge=0, le=5)
    top_p: float = Field(default=1.0, gt=0, le=1)
    max_tokens: int = Field(default=512, ge=1, le=1_000_000, description="of one reply")
    extra_body: dict[str, Any] = Field(default={}, description="further keys of each request, e.g. top_k")
    schema_by: Literal["json_schema", "json_object", "prompt"] = Field(
        default="json_schema", description="how a form is asked for; the weaker ways are for servers without schemas"
    )
    rereads: int = Field(default=2, ge=0, le=10, description="further tries of an unusable reply, reseeded")
    stream: bool = Field(default=False, description="stream replies, for time to first token")
    timeout_s: float = Field(default=120.0, gt=0, le=86_400, description="of one request")
    total_timeout_s: float = Field(default=600.0, gt=0, le=86_400, description="of one reply with all its retries")
    retries: int = Field(default=5, ge=0, le=50, description="of a request that met 429, 5xx, a timeout or a reset")
    patience_s: float = Field(default=900.0, ge=0, le=604_800, description="how long a dead server is waited for")
    max_concurrency: int = Field(default=256, ge=1, le=65_536, description="requests at once to this server")
    max_reply_bytes: int = Field(default=4_000_000, ge=1_000, description="a longer reply is refused as oversized")
    price: Price | None = None

    @field_validator("base_url")
    @classmethod
    def _is_a_plain_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("must look like http://host:port/v1")
        if parts.username or parts.password:
            raise ValueError("must not hold a user or password: name the key's variable in api_key_env")
        return value.rstrip("/")
