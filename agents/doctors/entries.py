"""Ready doctors as data: each YAML file in ``entries/`` is one published model, its prompt habits and where it runs.

It reads and checks the files and turns them into backends; it knows no model, starts nothing and asks no server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from scenarios.errors import InputError
from scenarios.schema import Language
from scenarios.schema.base import Frozen, Slug, Text
from scenarios.yaml_file import parse_yaml

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Spec = TypeVar("Spec", bound=DataclassInstance)
else:
    Spec = TypeVar("Spec")

FOLDER = "entries"
IN_PROCESS = ("transformers", "speechlm")
"""Backends that load weights here; the others ask a server."""


class Needs(Frozen):
    """What must be there before the model can run; ``gpu_memory_gb`` is of all its GPUs together."""

    gpu_memory_gb: float = Field(ge=0, description="weights at the stated precision plus room for one conversation")
    notes: str = ""


class Entry(Frozen):
    """One published model as a doctor.

    ``defaults`` are options of its ``backend``; a batch may override each of them. ``published`` says what the
    defaults were taken from and where this project knowingly departs from it.
    """

    name: Slug
    title: Text
    backend: Literal["chat", "audio-chat", "process", "transformers", "speechlm"]
    summary: Text
    hears: bool = Field(description="takes the patient's sound, not only its words")
    speaks: bool = Field(description="can answer with sound too, as shipped")
    languages: tuple[Language, ...] = Field(min_length=1)
    parameters: Text = Field(description="of the language model, e.g. 7B")
    licence: Text
    source: Text = Field(description="paper or repository")
    weights: Text = Field(description="name on the model hub, or where to get them")
    service: Slug | Literal[""] = Field(
        default="", description="folder under services/ with README, requirements and start script; empty: in process"
    )
    start: Text = Field(description="the command that starts its server from the project's folder, or gets its weights")
    defaults: dict[str, Any]
    needs: Needs
    published: Text

    @model_validator(mode="after")
    def _its_backend_can_do_that(self) -> Self:
        able = ("hears", "speaks") if self.backend in ("audio-chat", "process", "speechlm") else ()
        for skill in ("hears", "speaks"):
            if getattr(self, skill) and skill not in able:
                raise ValueError(f"{skill} cannot be true: the backend {self.backend!r} cannot do that")
        if not self.service and self.backend not in IN_PROCESS:
            raise ValueError(f"service must be named: the backend {self.backend!r} asks a server")
        return self


@cache
def shipped() -> Mapping[str, Entry]:
    """Return the shipped entries by name, sorted; raises InputError for a file that is not a valid entry."""
    found = {}
    for file in sorted((files("agents.doctors") / FOLDER).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            entry = parse(file.read_text("utf-8"), file.name)
            found[entry.name] = entry
    return found


def parse(text: str, file: str) -> Entry:
    """Return the entry in ``text``; its name must be the file's, so that no two files claim one name."""
    try:
        entry = Entry.model_validate(parse_yaml(text, file).data)
    except ValidationError as error:
        # an unknown key first: a missing one is mostly the same key, misspelt
        first = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{file}: {key}: {first['msg']}. Keys: {', '.join(Entry.model_fields)}") from error
    if f"{entry.name}.yaml" != file:
        raise InputError(f"{file}: is named {entry.name!r} inside; name the file {entry.name}.yaml")
    return entry


def entries(backends: Mapping[str, Spec]) -> Mapping[str, Spec]:
    """Return every entry as a spec made from that of its backend; ``backends`` are the built-in ones by name."""
    return {
        entry.name: replace(
            backends[entry.backend], name=entry.name, summary=f"{entry.title}: {entry.summary}",
            capabilities=frozenset({"hears"} if entry.hears else ()) | frozenset({"speaks"} if entry.speaks else ()),
            defaults=entry.defaults, service=entry.service,
        )
        for entry in shipped().values()
    }
