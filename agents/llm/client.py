"""Opens a model by its options: over HTTP, or with vLLM in this process."""

from __future__ import annotations

from agents.llm.asking import AskingModel
from agents.llm.http import HttpTransport
from agents.llm.options import LLMOptions
from agents.llm.transport import Transport
from agents.llm.types import Model
from scenarios.errors import Owner


def open_model(options: LLMOptions, owner: Owner) -> Model:
    """Return the model that ``options`` describe; ``owner`` is blamed for what the model itself does wrong.

    Nothing is connected or loaded before the first call or ``preflight``.
    """
    if options.engine == "in-process":
        from agents.llm.in_process import InProcessTransport

        transport: Transport = InProcessTransport(options)
    else:
        transport = HttpTransport(options)
    return AskingModel(options, owner, transport)
