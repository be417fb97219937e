"""What the files of a site are called: names made here, so that nothing a run says becomes a path; it opens none."""

from __future__ import annotations

import hashlib
import re

from scenarios.schema import KeyId

INDEX, ASSETS = "index.html", "assets"
TOP = re.compile(r"index\.html|cases-\d+\.html|clinic-site\.json|assets|c|compare|audio|prompts")
"""Everything that a site has at its top."""

_PLAIN = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,78}[a-z0-9])?")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")


def part(name: str) -> str:
    """Return a piece of a path for ``name``: itself when that is safe on every file system, else made safe and hashed.

    Two names never have one piece, not even where upper and lower case are the same: '~' is in no plain name.
    """
    if _PLAIN.fullmatch(name) and not _RESERVED.fullmatch(name):
        return name
    readable = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("._-")[:60]
    return f"{readable or 'x'}~{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def consultation(name: KeyId) -> str:
    """Return the page of a consultation; trials count from 1 in names as they do on pages."""
    return f"c/{_stem(name)}.html"


def compare(case: str, trial: int) -> str:
    """Return the page of a case under several doctors."""
    return f"compare/{part(case)}/{trial + 1}.html"


def sound(name: KeyId, index: int, suffix: str, heard: bool = False) -> str:
    """Return the sound of the turn ``index``, or what arrived of it; ``suffix`` is a known kind, with its dot."""
    return f"audio/{_stem(name)}-{index + 1}{'-heard' if heard else ''}{suffix}"


def prompt(name: KeyId, index: int) -> str:
    """Return the page of what the model behind the turn ``index`` was given."""
    return f"prompts/{_stem(name)}-{index + 1}.html"


def listing(page: int) -> str:
    """Return the page ``page`` (from 1) of the list of cases; the first is the front page."""
    return INDEX if page <= 1 else f"cases-{page}.html"


def asset(name: str) -> str:
    """Return a file of ``simulator/static/``."""
    return f"{ASSETS}/{name}"


def _stem(name: KeyId) -> str:
    return f"{part(name.case)}/{part(name.doctor)}-{name.trial + 1}"
