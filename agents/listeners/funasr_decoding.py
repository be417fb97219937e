"""Makes a FunASR model of a folder's settings, fills in its weights and lets it transcribe; it knows no consultation.

The model is built by ``funasr.AutoModel.build_model`` from the settings alone, without its download code, which would
go to a hub and run a folder's Python if told so; the weights are read here, as tensors only, and must fit.
"""

from __future__ import annotations

import importlib
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import numpy as np

from agents.listeners.funasr_folder import ModelFolder
from agents.listeners.funasr_options import FunASROptions
from agents.listeners.hearing import pieces, together
from agents.listeners.in_process import Ask, device_of
from agents.listeners.weights import read_checkpoint
from agents.sound.wave import Samples
from scenarios.errors import AgentFailure, InputError
from scenarios.schema import Language

_MARK = re.compile(r"<\|[^|<>]{0,40}\|>|<(?:unk|blank|s|/s|sos|eos)>")
"""SenseVoice's marks (<|zh|><|NEUTRAL|><|Speech|><|withitn|>) and what tokenizers leave of unknown tokens."""
MISSING_SHARE = 0.01
"""Of all weights; what more is missing would be random numbers."""


class FunASRRecogniser:
    """A FunASR model; used from one thread."""

    def __init__(self, options: FunASROptions, folder: ModelFolder) -> None:
        """Load nothing yet."""
        self._options, self._folder = options, folder
        self._model: Any = None
        self._settings: dict[str, Any] = {}
        self.fingerprint = folder.fingerprint

    @property
    def loaded(self) -> bool:
        """Whether the weights are in memory."""
        return self._model is not None

    def load(self) -> None:
        """Load the weights once. Raises InputError."""
        if self._model is not None:
            return
        torch = importlib.import_module("torch")
        held = _weights_of(read_checkpoint(self._folder.weights), self._folder)
        threads = self._options.threads or torch.get_num_threads()
        with _undisturbed(), torch.random.fork_rng([]):
            auto = importlib.import_module("funasr").AutoModel
            try:
                model, settings = auto.build_model(
                    model=self._folder.model, **self._folder.settings, device=device_of(self._options.device),
                    ncpu=threads, disable_log=True,
                )
            except (RuntimeError, ValueError, TypeError, KeyError, IndexError, AttributeError, OSError) as error:
                why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
                raise InputError(f"{self._folder.path} does not describe a {self._folder.model}: {why}") from error
        _check_statistics(settings["frontend"], self._folder)
        _fill(model, held, self._folder)
        self._model, self._settings = model.eval(), settings

    def unload(self) -> None:
        """Let go of the weights."""
        self._model, self._settings = None, {}

    def understand(self, asks: list[Ask]) -> list[str | AgentFailure]:
        """Return a text for each sound."""
        self.load()
        cut = [
            (number, piece) for number, ask in enumerate(asks)
            for piece in pieces(ask.samples, self._options.longest_s)
        ]
        texts: list[list[str]] = [[] for _ in asks]
        for language in sorted({ask.language for ask in asks}):
            of_language = [(number, piece) for number, piece in cut if asks[number].language == language]
            for start in range(0, len(of_language), self._options.batch_size):
                some = of_language[start : start + self._options.batch_size]
                for (number, _), text in zip(some, self._texts([piece for _, piece in some], language), strict=True):
                    texts[number].append(text)
        return [together(of_one, ask.language) for of_one, ask in zip(texts, asks, strict=True)]

    def _texts(self, sounds: list[Samples], language: Language) -> list[str]:
        return self._heard([dithered(sound, self._folder.dither) for sound in sounds], language)

    def _heard(self, sounds: list[Samples], language: Language) -> list[str]:
        """Return one text for each sound; FunASR leaves some out when it hears nothing in a whole batch."""
        torch = importlib.import_module("torch")
        wanted = {"language": self._options.language or language, "use_itn": self._options.use_itn}
        with torch.no_grad():
            heard = self._model.inference(
                data_in=sounds, key=[str(number) for number in range(len(sounds))], **(self._settings | wanted)
            )
        results = heard[0] if heard else []
        if len(results) != len(sounds) and len(sounds) > 1:
            return [text for sound in sounds for text in self._heard([sound], language)]
        return [plain(str(one.get("text", ""))) for one in results] or [""]


def dithered(samples: Samples, steps: float) -> Samples:
    """Return ``samples`` with the faint noise that the model knows from training, the same noise every time.

    Made sound has pauses of nothing but zeros, which no recording has and whose logarithm no model has met.
    """
    noise = np.random.default_rng(0).standard_normal(len(samples), np.float32)
    return samples + noise * np.float32(steps / 32_768)


def plain(text: str) -> str:
    """Return ``text`` without the marks that stand for language, mood, events and unknown tokens."""
    return " ".join(_MARK.sub(" ", text).replace("▁", " ").split())


def _weights_of(held: dict[str, Any], folder: ModelFolder) -> dict[str, Any]:
    """Return the tensors by name, out of the wrappings that trainers put around them."""
    for wrapping in ("state_dict", "model_state_dict", "model"):
        inner = held.get(wrapping)
        held = inner if isinstance(inner, dict) else held
    tensors = {str(name).removeprefix("module."): value for name, value in held.items() if hasattr(value, "shape")}
    if not tensors:
        raise InputError(f"{folder.weights} holds no weights: is it another kind of file?")
    return tensors


def _check_statistics(frontend: Any, folder: ModelFolder) -> None:
    """Raise InputError when ``am.mvn`` is damaged: FunASR notices with the first sound only."""
    shape, size = tuple(frontend.cmvn.shape), frontend.output_size()
    if shape != (2, size) or not bool(frontend.cmvn.isfinite().all()):
        raise InputError(f"{folder.path / 'am.mvn'} does not hold mean and scale of {size} features: it is damaged")


def _fill(model: Any, held: dict[str, Any], folder: ModelFolder) -> None:
    """Put the weights in; FunASR's own loader passes over what does not fit, and random numbers would be heard."""
    wanted = model.state_dict()
    wrong = [name for name, value in wanted.items() if name in held and held[name].shape != value.shape]
    missing = [name for name in wanted if name not in held]
    lost = sum(wanted[name].numel() for name in missing)
    if wrong or lost > MISSING_SHARE * sum(value.numel() for value in wanted.values()):
        raise InputError(
            f"{folder.weights} does not fit {folder.path / 'config.yaml'}: {len(wrong)} weights have another shape and "
            f"{len(missing)} are missing (e.g. {', '.join((wrong + missing)[:3])})"
        )
    model.load_state_dict({name: held[name] for name in wanted if name in held}, strict=False)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep FunASR, while it is imported, from setting up this process's logging and from writing to its output."""
    root = logging.getLogger()
    nothing, level = logging.NullHandler(), root.level
    root.addHandler(nothing)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        root.removeHandler(nothing)
        root.setLevel(level)
