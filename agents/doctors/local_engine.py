"""Loads a chat model with transformers and generates; it knows tokens and tensors, no consultation.

Sampling is exact and repeatable: temperature, top-k and top-p shape the distribution, then Gumbel noise from the
request's own seeded generator is added and the largest value taken, which is a draw from that distribution. No global
random state is touched, so that requests may be generated together and several models may run side by side. The words
depend on the seed and the prompt, and besides only on rounding (another device, another batch beside it).
"""

from __future__ import annotations

import importlib
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from agents.doctors.sampling import Cancelled, FirstToken, Gumbel
from agents.llm.types import Completion, Message
from scenarios.errors import AgentFailure, InputError
from scenarios.schema import Usage
from scenarios.schema.base import Frozen, Text

_LOADING = threading.Lock()
"""transformers changes its classes while it loads, and two loads at once can leave them changed."""

_UNBOUNDED = 10**9
"""Some tokenizers call a number like 10^30 their longest input: they do not know it."""


class LocalOptions(Frozen):
    """Weights, where they run and how they sample."""

    model: Text = Field(description="a folder of weights (safetensors), or a name on the model hub")
    revision: str = Field(default="", description="of a hub model; empty: its main branch")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d{1,3})?|mps)$", description="auto: a GPU, or CPU")
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2"] = "auto"
    trust_remote_code: bool = Field(default=False, description="run the model repository's own Python: read it first")
    chat_template: str = Field(default="", max_length=50_000, description="Jinja; for models that ship none")
    max_new_tokens: int = Field(default=512, ge=1, le=100_000, description="of one reply")
    max_context: int = Field(default=0, ge=0, le=10_000_000, description="tokens, reply included; 0: the model's own")
    temperature: float = Field(default=0.7, ge=0, le=5, description="0: greedy")
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=0, le=1_000_000, description="none: the model's own; 0: no limit")
    repetition_penalty: float | None = Field(default=None, gt=0, le=10, description="none: the model's own")
    no_repeat_ngram_size: int | None = Field(default=None, ge=0, le=100, description="none: the model's own")
    stop: tuple[str, ...] = Field(default=(), max_length=16, description="texts at which a reply ends")


@dataclass(eq=False)
class Ask:
    """One request; ``cancelled`` ends its generation early."""

    messages: list[Message]
    seed: int
    cancelled: threading.Event = field(default_factory=threading.Event)


class Engine:
    """A model and its tokenizer; used from one thread."""

    def __init__(self, options: LocalOptions) -> None:
        """Load nothing yet."""
        self._options = options
        self._model: Any = None
        self._tokenizer: Any = None
        self.max_context = options.max_context

    def load(self) -> None:
        """Load the weights once. Raises InputError that names the model and what is wrong with it."""
        if self._model is not None:
            return
        o, transformers = self._options, importlib.import_module("transformers")
        common: dict[str, Any] = {"trust_remote_code": o.trust_remote_code}
        if o.revision:
            common["revision"] = o.revision
        more = {} if o.attention == "auto" else {"attn_implementation": o.attention}
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(o.model, padding_side="left", **common)
            with _LOADING:
                model = transformers.AutoModelForCausalLM.from_pretrained(
                    o.model, dtype=o.dtype, use_safetensors=True, **more, **common
                )
            self._model = model.eval().to(_device(o.device))
        except (OSError, ValueError, ImportError, RuntimeError) as error:
            why = " ".join(str(error).split())[:500]
            raise InputError(f"the model {o.model!r} cannot be loaded: {why}") from error
        self._tokenizer = self._prepared(tokenizer)
        known = [getattr(model.config.get_text_config(), "max_position_embeddings", None), tokenizer.model_max_length]
        lengths = [int(length) for length in known if length and length < _UNBOUNDED]
        self.max_context = o.max_context or min(lengths, default=_UNBOUNDED)

    def unload(self) -> None:
        """Let go of the weights."""
        self._model = self._tokenizer = None

    def generate(self, asks: list[Ask]) -> list[Completion | AgentFailure]:
        """Return a reply, or why there is none, for each request. Raises InputError when loading fails."""
        self.load()
        start = time.perf_counter()
        results: dict[int, Completion | AgentFailure] = {}
        prompts: dict[int, list[int]] = {}
        for index, ask in enumerate(asks):
            made = self._tokens(ask)
            if isinstance(made, AgentFailure):
                results[index] = made
            else:
                prompts[index] = made
        if prompts:
            chosen = [asks[index] for index in prompts]
            results |= dict(zip(prompts, self._generated(chosen, list(prompts.values()), start), strict=True))
        return [results[index] for index in range(len(asks))]

    def _prepared(self, tokenizer: Any) -> Any:
        if self._options.chat_template:
            tokenizer.chat_template = self._options.chat_template
        if not tokenizer.chat_template:
            raise InputError(f"the model {self._options.model!r} ships no chat template: give one as chat_template")
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        return tokenizer

    def _tokens(self, ask: Ask) -> list[int] | AgentFailure:
        jinja2 = importlib.import_module("jinja2")
        try:
            text = self._tokenizer.apply_chat_template(ask.messages, tokenize=False, add_generation_prompt=True)
        except jinja2.TemplateError as error:
            return AgentFailure(
                "infrastructure", "bad_request",
                f"the model's chat template refuses the messages: {error}. A model without a system role wants "
                "roles: {system: user}",
            )
        tokens: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        if len(tokens) + self._options.max_new_tokens > self.max_context:
            return AgentFailure(
                "doctor", "context_overflow",
                f"{len(tokens)} tokens of prompt and {self._options.max_new_tokens} of reply exceed {self.max_context}",
            )
        return tokens

    def _generated(self, asks: list[Ask], prompts: list[list[int]], start: float) -> list[Completion | AgentFailure]:
        """Generate together; one by one when the memory does not hold them all."""
        torch = importlib.import_module("torch")
        try:
            return list(self._together(torch, asks, prompts, start))
        except torch.OutOfMemoryError:
            if len(asks) == 1:
                return [AgentFailure("infrastructure", "out_of_memory", "the device's memory cannot hold the request")]
        return [said for ask, one in zip(asks, prompts, strict=True) for said in self._generated([ask], [one], start)]

    def _together(self, torch: Any, asks: list[Ask], prompts: list[list[int]], start: float) -> list[Completion]:
        o, device = self._options, self._model.device
        padded = self._tokenizer.pad({"input_ids": prompts}, return_tensors="pt").to(device)
        first = FirstToken()
        with torch.inference_mode():
            out = self._model.generate(
                **padded, generation_config=self._config(), streamer=first, stopping_criteria=[Cancelled(asks)],
                logits_processor=[Gumbel(torch, [ask.seed for ask in asks], o.temperature, o.top_p, self._top_k())],
                **({"tokenizer": self._tokenizer} if o.stop else {}),
            )
        total = time.perf_counter() - start
        new = out[:, padded["input_ids"].shape[1] :].tolist()
        first_s = None if first.at is None else first.at - start
        return [self._completion(len(p), row, total, first_s) for p, row in zip(prompts, new, strict=True)]

    def _completion(self, prompt: int, row: list[int], total_s: float, first_s: float | None) -> Completion:
        ends = self._ends()
        length = next((i + 1 for i, token in enumerate(row) if token in ends), len(row))
        text = self._tokenizer.decode(row[:length], skip_special_tokens=True)
        stopped = length < len(row) or (row and row[-1] in ends) or any(stop in text for stop in self._options.stop)
        for stop in self._options.stop:
            text = text.split(stop, 1)[0]
        usage = Usage(prompt=prompt, completion=length)
        full = length >= self._options.max_new_tokens
        return Completion(text, usage, total_s, first_s, "length" if full and not stopped else "stop")

    def _config(self) -> Any:
        """Return the model's own settings with ours on top; sampling is done by Gumbel, so ``generate`` is greedy."""
        o, transformers = self._options, importlib.import_module("transformers")
        config = transformers.GenerationConfig.from_dict(self._model.generation_config.to_dict())
        for key in ("temperature", "top_p", "top_k", "min_p", "typical_p"):
            setattr(config, key, None)
        config.do_sample, config.num_beams, config.max_length = False, 1, None
        config.max_new_tokens, config.pad_token_id = o.max_new_tokens, self._tokenizer.pad_token_id
        config.eos_token_id = sorted(self._ends())
        if o.repetition_penalty is not None:
            config.repetition_penalty = o.repetition_penalty
        if o.no_repeat_ngram_size is not None:
            config.no_repeat_ngram_size = o.no_repeat_ngram_size
        config.stop_strings = list(o.stop) or None
        return config

    def _top_k(self) -> int:
        given, own = self._options.top_k, self._model.generation_config.top_k
        return int(own or 0) if given is None else given

    def _ends(self) -> frozenset[int]:
        own = self._model.generation_config.eos_token_id
        listed = own if isinstance(own, list) else [own]
        return frozenset(int(t) for t in [*listed, self._tokenizer.eos_token_id] if t is not None)


def _device(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    torch = importlib.import_module("torch")
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
