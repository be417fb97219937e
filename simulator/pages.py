"""Templates, styles and scripts that the report and a web server share; it knows how to show, not what."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from simulator.metric_names import decimals, label
from simulator.showing.verdict_view import verdict_blocks

STYLE = "report.css"
SCRIPTS = ("dom.js", "chunks.js", "state.js", "player.js", "speech.js", "turns.js", "case_card.js", "verdict.js",
           "list.js", "reader.js", "report.js")
"""Joined into one strict function, in this order."""


@cache
def environment() -> Environment:
    """Return the templates, everything escaped; an unknown name in one is an error."""
    made = Environment(
        loader=PackageLoader("simulator", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )
    made.filters |= {
        "number": number, "signed": signed, "p_value": p_value, "label": label, "verdict_blocks": verdict_blocks,
    }
    return made


@cache
def style() -> Markup:
    """Return the style sheet."""
    return Markup(_static(STYLE))


@cache
def script() -> Markup:
    """Return the whole script of the report."""
    body = "\n".join(_static(name) for name in SCRIPTS)
    return Markup(f'(() => {{\n"use strict";\n{body}\n}})();\n')


def content_policy() -> str:
    """Return a policy under which only our own style and script work, and only sounds beside the page are read."""
    return (
        f"default-src 'none'; style-src '{_hash(style())}'; script-src '{_hash(script())}'; img-src data:; "
        "media-src 'self'; base-uri 'none'; form-action 'none'"
    )


def number(value: float | None, metric: str = "") -> str:
    """Return a figure with the decimals of its metric; a dash where there is none."""
    return "–" if value is None else f"{value:.{decimals(metric)}f}"


def signed(value: float | None, metric: str = "") -> str:
    """Return a difference with its sign; a true minus, so that it aligns with the plus."""
    return "–" if value is None else f"{value:+.{decimals(metric)}f}".replace("-", "−")


def p_value(value: float | None) -> str:
    """Return a p-value with three decimals."""
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _static(name: str) -> str:
    return (files("simulator") / "static" / name).read_text("utf-8").replace("\r\n", "\n")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()
