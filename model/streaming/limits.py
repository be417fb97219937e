"""What an answer may ask for, and whether it fits the model; it knows numbers, nothing is computed here."""

from __future__ import annotations

from model.errors import ContextFull, SpeechLMError
from model.processor import Prompt
from model.speech_lm import SpeechLM
from model.streaming.types import Settings


def context_limits(model: SpeechLM) -> tuple[int, int]:
    """Return how many positions the language model and the unit LM can take."""
    config = model.config
    text = min(config.tokenizer_model_max_length, config.max_position_embeddings)
    return text, config.unit_lm.max_position_embeddings if config.speech_generator is not None else 0


def end_ids(model: SpeechLM) -> tuple[int, ...]:
    """Return the ids at which the text ends: the configuration's and the generation configuration's."""
    generation = getattr(model, "generation_config", None)
    more = generation.eos_token_id if generation is not None else None
    listed = list(more) if isinstance(more, list | tuple) else [] if more is None else [more]
    return tuple(dict.fromkeys([*model.config.end_ids, *listed]))


def fits(model: SpeechLM, prompt: Prompt, settings: Settings) -> None:
    """Raise ContextFull when a prompt and the longest answer that the settings allow do not fit."""
    needed, (limit, unit_limit) = prompt.positions + settings.max_new_tokens, context_limits(model)
    if needed > limit:
        raise ContextFull(
            f"the dialogue takes {prompt.positions} positions and its answer up to {settings.max_new_tokens}: more "
            f"than the model's {limit}. Drop the oldest turns or lower max_new_tokens; nothing is cut silently"
        )
    units = unit_positions(model, settings) if settings.speak else 0
    if units > unit_limit:
        raise ContextFull(
            f"{settings.max_new_tokens} text ids may take {units} positions of the unit LM, it has {unit_limit}: lower "
            "max_new_tokens"
        )


def unit_positions(model: SpeechLM, settings: Settings) -> int:
    """Return how many positions of the unit LM an answer may take at most."""
    config, ids = model.config, settings.max_new_tokens
    calls = -(-ids // config.text_chunk)
    drain = config.max_drain_units if settings.max_units is None else min(config.max_drain_units, settings.max_units)
    return ids + calls * config.unit_chunk + 1 + drain


def check(settings: Settings) -> None:
    """Raise SpeechLMError for settings that cannot be."""
    problems = {
        "max_new_tokens must be at least 1": settings.max_new_tokens < 1,
        "temperatures must not be negative": min(settings.temperature, settings.unit_temperature) < 0,
        "top_k must not be negative": min(settings.top_k, settings.unit_top_k) < 0,
        "top_p must be above 0 and at most 1": not (0 < settings.top_p <= 1 and 0 < settings.unit_top_p <= 1),
        "repetition_penalty must be above 0": settings.repetition_penalty <= 0,
        "max_units must not be negative": settings.max_units is not None and settings.max_units < 0,
    }
    for problem, holds in problems.items():
        if holds:
            raise SpeechLMError(problem)


def describe(error: BaseException) -> str:
    """Return an error in one line."""
    return " ".join(str(error).split())[:500] or type(error).__name__
