"""Draws that stay the same through one consultation and differ between consultations; it knows no patient."""

from __future__ import annotations

import hashlib


def share(*parts: str | int) -> float:
    """Return a number in [0, 1) that depends on ``parts`` alone."""
    digest = hashlib.sha256("/".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:6], "big") / float(1 << 48)
