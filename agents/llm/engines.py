"""vLLM engines as all agents of an event loop share them: one per model and arguments; it sends no request."""

from __future__ import annotations

import asyncio
import json
from dataclasses import fields, is_dataclass
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from agents.llm.options import LLMOptions
from agents.llm.places import Places
from scenarios.errors import InputError, choices_hint


class Engine:
    """A loaded ``vllm.AsyncLLM`` (``vllm``) and its places."""

    def __init__(self, vllm: Any, limit: int) -> None:
        """Take over a loaded engine."""
        self.vllm = vllm
        self.places = Places(limit)
        self.holders: WeakSet[object] = WeakSet()


class Engines:
    """The engines of one event loop."""

    def __init__(self) -> None:
        """Start with none."""
        self._loaded: dict[str, Engine] = {}

    def get(self, options: LLMOptions, holder: object) -> Engine:
        """Return the engine, loaded for the first who asks; nothing else runs meanwhile. Raises InputError."""
        name = json.dumps([options.model, options.engine_args], sort_keys=True)
        engine = self._loaded.get(name)
        if engine is None:
            engine = self._loaded[name] = Engine(_load(options), options.max_concurrency)
        if holder not in engine.holders:
            engine.holders.add(holder)
            engine.places.limit = min(engine.places.limit, options.max_concurrency)
        return engine

    def forget(self, engine: Engine) -> None:
        """Shut an engine down; the next who asks gets a new one."""
        for name in [name for name, known in self._loaded.items() if known is engine]:
            del self._loaded[name]
            engine.vllm.shutdown()

    async def let_go(self, holder: object) -> None:
        """Shut down the engines that nobody but ``holder`` holds."""
        for engine in list(self._loaded.values()):
            if holder in engine.holders:
                engine.holders.discard(holder)
                if not engine.holders:
                    self.forget(engine)


_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Engines] = WeakKeyDictionary()
"""An engine's replies belong to an event loop; this is the only place that knows which engines each loop has."""


def engines() -> Engines:
    """Return the engines of the running event loop."""
    return _by_loop.setdefault(asyncio.get_running_loop(), Engines())


def _load(options: LLMOptions) -> Any:
    try:
        from vllm.engine.arg_utils import AsyncEngineArgs  # type: ignore[import-not-found]
        from vllm.v1.engine.async_llm import AsyncLLM  # type: ignore[import-not-found]
    except ImportError as error:
        raise InputError(
            "engine: in-process needs vLLM in this very environment, and its pins conflict with most others: "
            "make one with `services/vllm/install.sh gpu` (or cpu), install clinic-simulator into it with "
            "`pip install --no-deps` and start `clinic` from there; or use engine: server"
        ) from error
    args = AsyncEngineArgs(model=options.model)
    known = [field.name for field in fields(AsyncEngineArgs)]
    for name, value in options.engine_args.items():
        if name not in known:
            raise InputError(f"engine_args: vLLM knows no {name!r}. {choices_hint(name, known)}")
        default = getattr(args, name)
        whole = is_dataclass(default) and isinstance(value, dict)
        setattr(args, name, type(default)(**value) if whole else value)
    try:
        return AsyncLLM.from_engine_args(args)
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"vLLM cannot load {options.model}: {type(error).__name__}: {error}") from error
