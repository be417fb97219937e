"""Finds whom a person wants to talk with: a checkpoint, a server's model or a doctor of the catalogue."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Any

from scenarios.errors import InputError
from simulator.talking.partner import Partner
from simulator.talking.transcript import About, Transcript

WAYS = {"checkpoint": "CHECKPOINT", "url": "--url", "doctor": "--doctor"}


def about_of(named: Mapping[str, str | None], options: Sequence[str], told: Mapping[str, Any]) -> About:
    """Return what a person asked for.

    Args:
        named: ``checkpoint``, ``url`` or ``doctor``, exactly one of them; ``model`` of a server.
        options: ``KEY=VALUE`` pairs.
        told: further fields of ``About``; a language of None is the one of ``$LANG``.

    Raises:
        InputError: none or several are named, or an option is not written as one.
    """
    given = [kind for kind in WAYS if named.get(kind)]
    if len(given) != 1:
        raise InputError("name one doctor to talk with: a CHECKPOINT, --url URL or --doctor NAME (clinic talk --help)")
    kind, model = given[0], named.get("model") or ""
    if model and kind != "url":
        raise InputError("--model goes with --url: a server's models have names")
    language = told.get("language") or ("zh" if _locale().startswith("zh") else "en")
    return About.model_validate({
        **told, "kind": kind, "where": named[kind], "model": model, "options": read_options(options),
        "language": language,
    })


def changed(
    transcript: Transcript, named: Mapping[str, str | None], options: Sequence[str], told: Mapping[str, Any]
) -> Transcript:
    """Return a stored conversation as it goes on: with another doctor or language where they are named."""
    about, other = transcript.about, any(named.get(kind) for kind in WAYS)
    if other:
        about = about_of(named, options, {**told, "seed": about.seed, "language": about.language})
    elif options:
        about = about.model_copy(update={"options": {**about.options, **read_options(options)}})
    if told.get("language"):
        about = about.model_copy(update={"language": told["language"]})
    if not told.get("speak", True):
        about = about.model_copy(update={"speak": False})
    transcript.about = about
    return transcript


async def open_partner(transcript: Transcript) -> Partner:
    """Return whom ``transcript`` names; a checkpoint is loaded in a thread.

    Raises:
        ClinicError: it is not there or cannot be used; the message says what to do.
    """
    about = transcript.about
    if about.kind == "url":
        from simulator.talking.server import open_server

        return await open_server(about.where, about.model, about.options, system=about.system, speak=about.speak)
    from simulator.talking.in_process import OURS, is_ours, open_checkpoint

    if about.kind == "doctor" and not is_ours(about.where):
        from simulator.talking.catalogue import open_doctor

        return open_doctor(about.where, about.options, transcript.shelf, about.language, speak=about.speak)
    checkpoint, doctor = (about.where, OURS) if about.kind == "checkpoint" else ("", about.where)
    return await asyncio.to_thread(
        open_checkpoint, checkpoint, about.options, system=about.system, speak=about.speak, doctor=doctor)


def read_options(given: Sequence[str]) -> dict[str, Any]:
    """Return ``KEY=VALUE`` pairs, each value as a batch file has it (a number, true, [a, b]). Raises InputError."""
    from scenarios.yaml_file import parse_yaml

    found: dict[str, Any] = {}
    for pair in given:
        key, sign, value = pair.partition("=")
        if not sign or not key.strip():
            raise InputError(f"an option is written KEY=VALUE, not {pair!r}")
        found[key.strip()] = parse_yaml(value, f"option {key.strip()}").data if value.strip() else ""
    return found


def _locale() -> str:
    return next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
