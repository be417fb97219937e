"""Makes text that others wrote safe to write to a terminal; it knows nothing of what the text says."""

from __future__ import annotations

import unicodedata

_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of what stands around them, and so can hide or reorder words."""
_ESCAPED = frozenset({"Cc", "Cs", "Zl", "Zp"})


def harmless(text: str) -> str:
    r"""Return ``text`` with every control character written out (``\x1b``); line feeds stay line feeds."""
    if text.isprintable():
        return text
    return "".join(char if char == "\n" or not _controls(char) else _spelled(char) for char in text)


def in_one_line(text: str) -> str:
    r"""Return ``text`` in one line: as ``harmless``, with line feeds as ``\n`` and backslashes doubled.

    Nothing is lost: what was said can be read back from the line.
    """
    return harmless(text.replace("\\", "\\\\")).replace("\n", "\\n")


def _controls(char: str) -> bool:
    return unicodedata.category(char) in _ESCAPED or char in _DIRECTIONS


def _spelled(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii") if char != "\t" else "    "
