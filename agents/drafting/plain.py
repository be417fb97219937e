"""Makes any text one line that can stand anywhere: in a comment, a case, a terminal; it knows no meaning."""

from __future__ import annotations

import unicodedata


def one_line(text: str, limit: int | None = None) -> str:
    """Return ``text`` without hidden characters, every run of blanks as one, cut with ``…`` at ``limit``."""
    kept = (" " if char.isspace() else char for char in text if char.isspace() or unicodedata.category(char)[0] != "C")
    flat = " ".join("".join(kept).split())
    return flat if limit is None or len(flat) <= limit else f"{flat[: limit - 1]}…"
