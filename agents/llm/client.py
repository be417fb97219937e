"""Opens a model by its options: over HTTP, or with vLLM in this process."""

from __future__ import annotations

from agents.llm.options import LLMOptions
from agents.llm.types import Model
from scenarios.errors import Owner


def open_model(options: LLMOptions, owner: Owner) -> Model:
    """Return the model that ``options`` describe; ``owner`` is blamed for what the model itself does wrong."""
    raise NotImplementedError
