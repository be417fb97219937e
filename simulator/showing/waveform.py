"""Turns 64 stored peaks into the outline of a small picture; it reads no sound and knows no page."""

from __future__ import annotations

BARS, MIDDLE = 64, 12
"""A picture is 64 units wide and 24 high; the middle is silence."""

_LOUDEST, _TALLEST, _LEAST = 63, 11.0, 0.4


def peaks(waveform: str) -> list[int]:
    """Return the peaks of ``SpeechFigures.waveform``, 0 (silence) to 63 (full scale); what is neither is clipped."""
    return [min(_LOUDEST, max(0, ord(letter) - 48)) for letter in waveform[:BARS]]


def outline(waveform: str) -> str:
    """Return the data of an SVG path, one vertical stroke a peak; a plain line where no peaks are known."""
    heights = [_LEAST + (_TALLEST - _LEAST) * peak / _LOUDEST for peak in peaks(waveform)]
    if not heights:
        return f"M.5 {MIDDLE}H{BARS - 0.5}"
    return "".join(f"M{place}.5 {_short(MIDDLE - tall)}v{_short(2 * tall)}" for place, tall in enumerate(heights))


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
