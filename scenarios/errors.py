"""The one exception tree of the project; it knows messages and exit codes, never where they are shown.

ClinicError                       anything expected to go wrong; printed without a traceback, exit code 2
├── InputError                    a file, flag or value that a person can mend
│   ├── BatchFileError            a YAML file: names file, line, key, bad value, choices or near match
│   ├── ImportRecordError         one record of a foreign dataset cannot become a case
│   ├── UnknownName               a backend, format or case that is not in the list; names the near match
│   ├── RunFolderError            a run folder that is missing, of another configuration, or not writable
│   ├── SoundError                a sound file that is missing, no sound, empty, too long or damaged
│   ├── NotNow                    a step of a session that does not fit where the consultation stands
│   └── Stale                     a step of a session that somebody else has overtaken
├── MissingExtra                  a feature whose optional packages are not installed; names the command
├── AgentFailure                  an agent could not do its part: owner, kind, whether trying again may help
├── BudgetReached                 a run's budget is spent: everything finished is on disk; exit code 3
└── Interrupted                   Ctrl-C: everything finished is on disk; exit code 130
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Literal

Owner = Literal["infrastructure", "patient", "doctor", "voice", "listener", "examiner", "judge"]


class ClinicError(Exception):
    """Base of every expected error; ``exit_code`` is what the command line returns."""

    exit_code = 2


class InputError(ClinicError):
    """A file, flag or value that a person can mend."""


class BatchFileError(InputError):
    """A scenario file is wrong at a known place.

    Args:
        file: the file as the person named it.
        problem: what is wrong, with the bad value, in one sentence.
        line: 1-based line, when known.
        key: dotted path of the key, e.g. ``doctors.quick.backend``.
        hint: choices, near match or fix.
    """

    def __init__(
        self, file: str, problem: str, *, line: int | None = None, key: str = "", hint: str = ""
    ) -> None:
        """Keep the parts and compose the one message."""
        self.file, self.problem, self.line, self.key, self.hint = file, problem, line, key, hint
        place = f"{file}:{line}" if line else file
        super().__init__(": ".join(part for part in (place, key, problem) if part) + (f". {hint}" if hint else ""))


class ImportRecordError(InputError):
    """One record of a foreign dataset cannot become a case; ``reason`` is what gets counted."""

    def __init__(self, record: str, reason: str, *, file: str = "") -> None:
        """Name the record (line number or id), the reason and, once known, the file."""
        self.record, self.reason = record, reason
        super().__init__(f"{file + ': ' if file else ''}record {record}: {reason}")


class UnknownName(InputError):
    """A name that is not among the choices; the message lists them and the near match."""

    def __init__(self, what: str, name: str, choices: Iterable[str]) -> None:
        """Compose ``unknown WHAT 'NAME'; did you mean ...; choices: ...``."""
        self.what, self.name, self.choices = what, name, sorted(choices)
        super().__init__(f"unknown {what} {name!r}. {choices_hint(name, self.choices)}")


class RunFolderError(InputError):
    """A run folder that is missing, belongs to another configuration, or cannot be written."""


class SoundError(InputError):
    """Sound that cannot be used; ``kind`` is missing, not_audio, empty, too_long or corrupt."""

    def __init__(self, kind: str, message: str) -> None:
        """Keep what can be counted."""
        self.kind = kind
        super().__init__(message)


class NotNow(InputError):
    """A step of a session that does not fit where its consultation stands; nothing was changed."""


class Stale(InputError):
    """A step asked for with a revision that is no longer the newest: somebody else went on; nothing was changed."""

    def __init__(self, branch: str) -> None:
        """Say what happened and what to do."""
        super().__init__(f"somebody else went on in branch {branch!r} meanwhile: look at it again, then decide")


class MissingExtra(ClinicError):
    """A feature needs optional packages."""

    def __init__(self, feature: str, extra: str) -> None:
        """Say which extra to install, with the command."""
        super().__init__(f"{feature} needs the optional packages of '{extra}': pip install 'clinic-simulator[{extra}]'")


class AgentFailure(ClinicError):
    """An agent could not do its part.

    Args:
        owner: whose failure it is; only ``doctor`` failures may lower a doctor's score.
        kind: short machine-readable name, e.g. ``timeout``, ``empty_reply``.
        message: one sentence for people.
        retryable: whether calling again may succeed.
    """

    def __init__(self, owner: Owner, kind: str, message: str, *, retryable: bool = False) -> None:
        """Keep the parts for the consultation's record."""
        self.owner, self.kind, self.message, self.retryable = owner, kind, message, retryable
        super().__init__(f"{owner}: {kind}: {message}")


class BudgetReached(ClinicError):
    """A run used up its budget; what was finished is on disk and the message says how to go on."""

    exit_code = 3


class Interrupted(ClinicError):
    """The person stopped the run; what was finished is on disk and the message says how to resume."""

    exit_code = 130


def choices_hint(name: str, choices: Iterable[str]) -> str:
    """Return ``Did you mean 'x'? Choices: a, b, c`` for a mistyped ``name``."""
    listed = list(choices)
    near = difflib.get_close_matches(name, listed, n=1, cutoff=0.5)
    lead = f"Did you mean {near[0]!r}? " if near else ""
    return f"{lead}Choices: {', '.join(listed)}" if listed else f"{lead}There are none."
