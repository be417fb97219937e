"""Sends requests to vLLM's engine in this process, without a server; it knows vLLM and nothing of who asks."""

from __future__ import annotations

import inspect
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from agents.llm.engines import Engine, engines
from agents.llm.options import LLMOptions
from agents.llm.preflight import check_length
from agents.llm.transport import Fault, Raw, Request
from agents.llm.types import Message
from scenarios.errors import ClinicError

NOT_SAMPLING = ("model", "messages", "response_format", "stream", "stream_options", "chat_template_kwargs")


class InProcessTransport:
    """The way to one engine; all transports of an event loop with the same model and arguments share it."""

    def __init__(self, options: LLMOptions) -> None:
        """Load nothing yet."""
        self.options = options

    def engine(self) -> Engine:
        """Return the shared engine, loading the weights when it is the first time. Raises InputError."""
        return engines().get(self.options, self)

    async def wait_until_up(self, patience_s: float) -> float:
        """An engine in this process is never away."""
        return 0.0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[bool]:
        """Wait for a place among the engine's requests at once."""
        try:
            engine = self.engine()
        except ClinicError as error:
            raise Fault("server_down", str(error)) from error
        async with engine.places.one():
            yield True

    async def send(self, request: Request) -> Raw:
        """Run one request. Raises Fault."""
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError  # type: ignore[import-not-found]

        engine = self.engine()
        try:
            return await _generate(engine, request)
        except EngineDeadError as error:
            engines().forget(engine)
            raise Fault("server_error", "vLLM's engine died; its log says why", retry=True) from error
        except EngineGenerateError as error:
            raise Fault("server_error", f"vLLM could not finish the request: {error}", retry=True) from error

    async def preflight(self, longest: int) -> None:
        """Raise ClinicError with the fix when the engine cannot be loaded or cannot hold ``longest`` tokens."""
        check_length(self.engine().vllm.model_config.max_model_len, longest, self.options.model)

    async def aclose(self) -> None:
        """Let go of the engine; it shuts down when no other agent uses it."""
        await engines().let_go(self)


async def _generate(engine: Engine, request: Request) -> Raw:
    start, body = time.monotonic(), request.body()
    prompt = await _tokens(engine, request.messages, body.get("chat_template_kwargs") or {})
    most = engine.vllm.model_config.max_model_len
    if len(prompt) + request.max_tokens > most:
        raise Fault("context_overflow", (
            f"maximum context length is {most} tokens, but the prompt has {len(prompt)} and the reply may have "
            f"{request.max_tokens}"
        ))
    params = sampling(engine, body, stream=request.streamed)
    if request.hear is not None:
        request.hear.begin()
    texts: list[str] = []
    first_s, size, last = None, 0, None
    stream = engine.vllm.generate({"prompt_token_ids": prompt}, params, uuid.uuid4().hex)
    async with aclosing(stream) as outputs:
        async for last in outputs:
            texts.append(last.outputs[0].text)
            if first_s is None and texts[-1] and request.streamed:
                first_s = time.monotonic() - start
            if request.hear is not None:
                request.hear.feed(texts[-1])
            size += len(last.outputs[0].token_ids)
    if last is None:
        raise Fault("server_error", "vLLM gave no reply", retry=True)
    usage = {"prompt": len(prompt), "completion": size, "cached": last.num_cached_tokens or 0}
    finish = last.outputs[0].finish_reason or "stop"
    return Raw("".join(texts), finish, time.monotonic() - start, first_s, "", usage)


async def _tokens(engine: Engine, messages: tuple[Message, ...], more: dict[str, Any]) -> list[int]:
    tokenizer = engine.vllm.get_tokenizer()
    if inspect.isawaitable(tokenizer):
        tokenizer = await tokenizer
    said = [{**message, "content": _plain_text(message["content"])} for message in messages]
    text = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True, **more)
    return list(tokenizer.encode(text, add_special_tokens=False))


def _plain_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if any(part.get("type") != "text" for part in content):
        raise Fault("bad_request", "the in-process engine takes text only: use engine: server for audio or images")
    return "".join(part["text"] for part in content)


def sampling(engine: Engine, body: dict[str, Any], *, stream: bool) -> Any:
    """Return vLLM's sampling parameters for a request as its server would read it: over the model's own defaults."""
    from vllm.sampling_params import (  # type: ignore[import-not-found]
        RequestOutputKind,
        SamplingParams,
        StructuredOutputsParams,
    )

    given = {key: value for key, value in body.items() if key not in NOT_SAMPLING}
    wanted = body.get("response_format")
    if wanted is not None:
        schema = wanted["json_schema"]["schema"] if wanted["type"] == "json_schema" else None
        given["structured_outputs"] = StructuredOutputsParams(json=schema, json_object=None if schema else True)
    kind = RequestOutputKind.DELTA if stream else RequestOutputKind.FINAL_ONLY
    try:
        return SamplingParams(**{**engine.vllm.model_config.get_diff_sampling_param(), **given, "output_kind": kind})
    except (TypeError, ValueError) as error:
        raise Fault("bad_request", f"vLLM does not take these sampling parameters: {error}") from error
