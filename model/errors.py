"""What can go wrong with the SpeechLM; it knows messages, not who shows them.

SpeechLMError             anything expected to go wrong here
├── CheckpointError       weights or their configuration: missing, unexpected, misshapen, damaged, of another vocabulary
├── BadSound              a sound that cannot be taken: too long where cutting was not asked for, empty, not finite
├── ContextFull           a prompt and its answer do not fit the model's context
├── BadUnits              unit ids that the vocoder does not have
├── NeedsPackage          a feature whose package is not installed; names the command
├── EngineClosed          asked for an answer after the engine was closed or had failed
└── EngineBusy            too many answers wait already
"""

from __future__ import annotations

from collections.abc import Sequence


class SpeechLMError(Exception):
    """Base of every expected error of the model."""


class CheckpointError(SpeechLMError):
    """A checkpoint that cannot be used.

    Args:
        where: the file or folder as it was named.
        problem: what is wrong and what to do, in one sentence.
        missing: keys that the model needs and the files lack.
        unexpected: keys that the files hold and the model lacks.
        misshapen: ``key: shape in the files, shape wanted``.
    """

    def __init__(
        self,
        where: str,
        problem: str,
        *,
        missing: Sequence[str] = (),
        unexpected: Sequence[str] = (),
        misshapen: Sequence[str] = (),
    ) -> None:
        """Keep the parts and compose the one message, which names every key."""
        self.where, self.problem = where, problem
        self.missing, self.unexpected, self.misshapen = tuple(missing), tuple(unexpected), tuple(misshapen)
        lists = (("missing", missing), ("unexpected", unexpected), ("of another shape", misshapen))
        more = "".join(f"\n  {len(keys)} {what}: {', '.join(keys)}" for what, keys in lists if keys)
        super().__init__(f"{where}: {problem}{more}")


class BadSound(SpeechLMError):
    """A sound that cannot be taken: longer than the encoder window where nobody said what then, empty or not finite."""


class ContextFull(SpeechLMError):
    """A prompt and its answer do not fit the model's context; nothing was dropped silently."""


class BadUnits(SpeechLMError):
    """Unit ids that are outside the vocoder's codebook."""


class NeedsPackage(SpeechLMError):
    """A feature's package is not installed."""

    def __init__(self, feature: str, package: str) -> None:
        """Say what to install."""
        super().__init__(f"{feature} needs {package}: pip install {package}")


class EngineClosed(SpeechLMError):
    """The engine was closed, or ended because of an earlier error that the message repeats."""


class EngineBusy(SpeechLMError):
    """As many answers wait as the engine allows; nothing was queued."""
