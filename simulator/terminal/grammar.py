"""The commands a person types and how a line is read as one of them; it carries none of them out."""

from __future__ import annotations

import difflib
import re
import shlex
from dataclasses import dataclass, field

from scenarios.errors import InputError, UnknownName


@dataclass(frozen=True)
class Command:
    """One command: what it is called, its letter, what follows it and what it does.

    ``shape`` says what may follow: ``none``, ``number?`` and ``number`` (a turn), ``number text``, ``word`` (one),
    ``words`` (up to three), ``text``, ``text?`` or ``flags`` (a number, then ``--name value``).
    """

    name: str
    letter: str
    usage: str
    does: str
    shape: str = "none"
    flags: tuple[str, ...] = ()
    takes_first: bool = False


@dataclass(frozen=True)
class Asked:
    """A line that was read: the command, a turn's number, the words behind it, and flags with their values."""

    name: str
    number: int | None = None
    text: str = ""
    flags: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def flag(self, name: str) -> str:
        """Return the last value of a flag, or ''."""
        return self.flags.get(name, ("",))[-1]


COMMANDS = (
    Command("next", "n", "", "let the one whose turn it is speak (or just press Enter)"),
    Command("run", "r", "", "go on until the consultation is over or a person is to speak"),
    Command("rewind", "w", "[K]", "go back to turn K; without K, one turn", "number?"),
    Command("fork", "f", "[K] [--doctor NAME] [--patient NAME] [--persona AXIS=VALUE] [--seed N] [--name NAME]",
            "begin a branch after turn K (here) with somebody else", "flags",
            ("doctor", "patient", "persona", "seed", "name", "label"), True),
    Command("branch", "b", "NAME", "go to another branch", "word"),
    Command("branches", "", "", "show the branches as a tree"),
    Command("say", "s", "TEXT", "say it as whoever is to speak, whoever is cast; also `doctor: TEXT`, `patient: TEXT`",
            "text"),
    Command("end", "", "[TEXT]", "say it (or goodbye) as the patient, and leave", "text?"),
    Command("edit", "e", "K TEXT", "rewrite turn K; what came after it is dropped", "number text"),
    Command("cast", "", "doctor|patient NAME", "put somebody else in from here on; NAME may be human", "words"),
    Command("exam", "x", "NAME[; NAME]", "order examinations now and have them reported", "text"),
    Command("judge", "j", "", "have what was said so far judged"),
    Command("label", "", "TEXT", "write a label on this branch", "text"),
    Command("show", "", "", "show this branch from the start"),
    Command("prompt", "p", "[K]", "show what the model behind turn K (the last one) was asked", "number?"),
    Command("export", "", "PATH [--format jsonl|sharegpt|run] [--branch NAME]",
            "write the branches (all, or those named) to a file or run folder", "flags", ("format", "branch")),
    Command("help", "h", "", "show the commands (also ?)"),
    Command("quit", "q", "", "leave; the session is kept (also Ctrl-D)"),
)
ROLES = ("doctor", "patient")
_BY_WORD = {word: command for command in COMMANDS for word in (command.name, command.letter) if word} | {
    "?": next(command for command in COMMANDS if command.name == "help")
}
_AS_ROLE = re.compile(r"(doctor|patient)\s*[:：]\s*(.*)", re.S)
_SEEMS = re.compile(r"[a-z]+( \d+)?")


def command_of(word: str) -> Command | None:
    """Return the command with this name or letter."""
    return _BY_WORD.get(word)


def read(line: str, *, speaks: bool) -> Asked:
    """Read a line.

    A line that is a command, with what belongs to it, is one; ``/`` before it insists on that. ``doctor: TEXT`` and
    ``patient: TEXT`` speak in that role. Any other line is what the person says when it is a person's turn
    (``speaks``), and wrong otherwise; so is, then, what is as short as a command and nearly one.

    Raises:
        InputError: no command, or one that something is missing from.
    """
    text = line.strip()
    if not text:
        return Asked("next")
    if spoken := _AS_ROLE.fullmatch(text):
        return Asked("say", text=spoken[2].strip(), flags={"role": (spoken[1],)})
    insisted = text.startswith("/")
    word, _, rest = text.removeprefix("/").strip().partition(" ")
    command = _BY_WORD.get(word)
    if command is None:
        return _no_command(text, word, speaks and not insisted)
    try:
        return _read_rest(command, rest.strip())
    except InputError:
        if speaks and not insisted and "--" not in rest and len(text.split()) > 2:
            return Asked("say", text=text)
        raise


def _no_command(text: str, word: str, speaks: bool) -> Asked:
    near = difflib.get_close_matches(word, _BY_WORD, n=1, cutoff=0.75)
    if speaks and not (near and len(word) > 2 and _SEEMS.fullmatch(text)):
        return Asked("say", text=text)
    if speaks:
        raise InputError(f"{word!r} looks like the command {near[0]!r}. To say it: say {text}")
    raise UnknownName("command", word, [command.name for command in COMMANDS])


def _read_rest(command: Command, rest: str) -> Asked:
    if command.shape == "flags":
        return _read_flags(command, rest)
    first, _, after = rest.partition(" ")
    number = int(first) if re.fullmatch(r"\d{1,6}", first) else None
    fits = {
        "none": not rest,
        "number?": not rest or (number is not None and not after),
        "number text": number is not None and bool(after.strip()),
        "word": bool(rest) and not after,
        "words": 2 <= len(rest.split()) <= 3,
        "text": bool(rest),
        "text?": True,
    }[command.shape]
    if not fits:
        raise _usage(command)
    if command.shape.startswith("number"):
        return Asked(command.name, number, after.strip())
    return Asked(command.name, text=rest)


def _read_flags(command: Command, rest: str) -> Asked:
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise InputError(f"{command.name}: {error}") from error
    flags: dict[str, tuple[str, ...]] = {}
    plain: list[str] = []
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            plain.append(word)
            continue
        name, joined, value = word[2:].partition("=")
        if name not in command.flags:
            raise UnknownName(f"flag of {command.name}", f"--{name}", [f"--{flag}" for flag in command.flags])
        if not joined and not words:
            raise _usage(command)
        flags[name] = (*flags.get(name, ()), value if joined else words.pop(0))
    if len(plain) > 1 or (command.takes_first and plain and not plain[0].isdigit()):
        raise _usage(command)
    if command.takes_first:
        return Asked(command.name, int(plain[0]) if plain else None, flags=flags)
    if not plain:
        raise _usage(command)
    return Asked(command.name, text=plain[0], flags=flags)


def _usage(command: Command) -> InputError:
    return InputError(f"usage: {command.name} {command.usage}".rstrip() + f"  ({command.does})")
