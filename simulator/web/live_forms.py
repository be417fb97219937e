"""What the forms of live sessions bring and offer: bounded fields, doctors and patients to choose from; no route."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from fastapi import Request
from pydantic import ValidationError

from agents import catalog
from scenarios.errors import InputError, UnknownName
from scenarios.schema import BackendRef, Persona
from scenarios.yaml_file import parse_yaml
from simulator.checking import Answer, check
from simulator.session import HUMAN
from simulator.web import castings
from simulator.web.allowed import may_be_named

LONGEST = 20_000
PATIENCE_S, FRESH_S = 0.7, 30.0
SAME, PERSON = "", "human"
AXES: Mapping[str, tuple[str, ...]] = {
    name: get_args(field.annotation) for name, field in Persona.model_fields.items()
}
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_SEPARATORS = re.compile(r"[,;，；、\n]+")


@dataclass(frozen=True)
class Fields:
    """The fields of a form by name; only what was asked for by name is ever looked at."""

    values: Mapping[str, str]

    def text(self, name: str, most: int = 200) -> str:
        """Return a field without space around it, '' when it is not there; raises InputError."""
        value = self.values.get(name, "").replace("\r\n", "\n").strip()
        if len(value) > most:
            raise InputError(f"{name} may have at most {most} characters, not {len(value)}")
        if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise InputError(f"{name} holds characters that cannot be stored")
        return value

    def number(self, name: str, low: int, high: int) -> int | None:
        """Return a whole number between the bounds, None when the field is empty; raises InputError."""
        value = self.text(name, 30)
        if not value:
            return None
        if not re.fullmatch(r"[0-9]{1,20}", value) or not low <= int(value) <= high:
            raise InputError(f"{name} must be a whole number from {low} to {high}, not {value!r}")
        return int(value)

    def items(self, name: str) -> tuple[str, ...]:
        """Return what stands in a field between commas, semicolons or lines."""
        return tuple(part.strip() for part in _SEPARATORS.split(self.text(name, 2000)) if part.strip())

    def options(self, name: str) -> dict[str, Any]:
        """Return a backend's options, written as in a batch file; raises InputError."""
        text = self.text(name, 4000)
        if not text:
            return {}
        found = parse_yaml(text if text.startswith("{") or "\n" in text else f"{{{text}}}", "options").data
        if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
            raise InputError("options are written as in a batch file: model: NAME, base_url: http://127.0.0.1:8000/v1")
        return found


async def fields_of(request: Request) -> Fields:
    """Return the form that came with ``request``; files in it are not looked at."""
    async with request.form(max_files=0, max_fields=60, max_part_size=1 << 20) as form:
        return Fields({name: value for name, value in form.items() if isinstance(value, str)})


def doctor_of(fields: Fields, known: Mapping[str, BackendRef]) -> tuple[BackendRef, str] | None:
    """Return the doctor that was chosen with the name to call it, None for the same as before; raises InputError.

    One with options is called by its model, so that two models of one backend can be told apart.
    """
    kind, _, name = fields.text("doctor").partition(":")
    if kind == SAME:
        return None
    if kind == PERSON:
        return BackendRef(backend=HUMAN), HUMAN
    if kind == "as":
        if name not in known:
            raise UnknownName("doctor of this session", name, known)
        return known[name], name
    if kind != "is":
        raise InputError("choose a doctor from the list")
    options = fields.options("doctor_options")
    model = _UNFIT.sub("-", str(options.get("model", "")))[:80].strip("-._")
    return castings.checked("doctor", name, options), model or name


def patient_of(fields: Fields, known: BackendRef) -> BackendRef | None:
    """Return the patient that was chosen, None for the same as before; raises InputError."""
    kind, _, name = fields.text("patient").partition(":")
    if kind == SAME:
        return None
    if kind == PERSON:
        return BackendRef(backend=HUMAN)
    if kind == "as":
        return known
    if kind != "is":
        raise InputError("choose a patient from the list")
    return castings.checked("patient", name, fields.options("patient_options"))


def persona_of(fields: Fields, before: Persona) -> Persona | None:
    """Return ``before`` with the axes that were chosen, None when none was; raises InputError."""
    chosen = {axis: value for axis in AXES if (value := fields.text(f"persona_{axis}"))}
    if not chosen:
        return None
    try:
        return Persona.model_validate({**before.model_dump(), **chosen})
    except ValidationError as error:
        raise InputError(f"a persona has no such value: {', '.join(sorted(chosen.values()))}") from error


@dataclass(frozen=True)
class Choice:
    """One entry of a list to choose from; ``why`` is said when somebody wonders."""

    value: str
    words: str
    why: str = ""


@dataclass(frozen=True)
class Group:
    """Choices under one heading."""

    title: str
    choices: tuple[Choice, ...]


class Doctors:
    """The doctors of the catalogue that a request may name, with whether each answers; asked anew now and then."""

    def __init__(self) -> None:
        """Ask nobody yet."""
        self._answers: dict[str, Answer] = {}
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def groups(self, known: Iterable[str], *, of: str = "In this session") -> tuple[Group, ...]:
        """Return all choices: the ``known`` ones, a person, the catalogue's by whether they answer."""
        answers = await self._asked()
        found = {name: spec for name, spec in catalog.specs("doctor").items() if may_be_named(spec)}
        groups = [
            Group(of, tuple(Choice(f"as:{name}", name) for name in known)),
            Group("A person", (Choice(PERSON, "human: you, by typing"),)),
        ]
        for up, title in ((True, "Answer now"), (None, "With options of yours"), (False, "Do not answer now")):
            groups.append(Group(title, tuple(
                Choice(f"is:{name}", _called(name, answers[name]), f"{spec.summary}; {answers[name]}")
                for name, spec in found.items() if answers[name].up is up
            )))
        return tuple(group for group in groups if group.choices)

    async def _asked(self) -> dict[str, Answer]:
        async with self._lock:
            if time.monotonic() > self._until:
                specs = [spec for spec in catalog.specs("doctor").values() if may_be_named(spec)]
                self._answers = await asyncio.to_thread(check, specs, PATIENCE_S)
                self._until = time.monotonic() + FRESH_S
        return self._answers


def patient_groups() -> tuple[Group, ...]:
    """Return the patients that a request may name."""
    found = tuple(
        Choice(f"is:{spec.name}", spec.name, spec.summary)
        for spec in catalog.specs("patient").values() if may_be_named(spec)
    )
    return (Group("A person", (Choice(PERSON, "human: you, by typing"),)), Group("Simulated", found))


def _called(name: str, answer: Answer) -> str:
    return name if answer.up else f"{name} · {'needs options' if answer.up is None else 'not answering'}"
