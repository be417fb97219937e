"""What an engine has done and holds, in numbers; for people, metrics and tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counters:
    """Totals since the engine was made, and what is there now.

    Now: ``running`` and ``waiting`` answers, ``text_rows`` and ``unit_rows`` taken in the caches, ``vocoder_streams``
    open, ``kept`` caches of finished turns with ``kept_bytes``, ``cache_bytes`` taken by rows, filled or not.

    Totals: ``answers`` submitted, ``finished`` (those ``cancelled`` and ``failed`` among them), ``prompt_positions``
    asked for, of which ``cached_positions`` were kept from earlier turns, ``text_positions`` computed by the language
    model (prompts and single steps), ``windows`` of sound encoded, ``text_ids`` generated, ``unit_ids`` generated (end
    ids among them), ``unit_positions`` computed by the unit LM, frames of the vocoder.
    """

    running: int = 0
    waiting: int = 0
    text_rows: int = 0
    unit_rows: int = 0
    vocoder_streams: int = 0
    kept: int = 0
    kept_bytes: int = 0
    cache_bytes: int = 0
    answers: int = 0
    finished: int = 0
    cancelled: int = 0
    failed: int = 0
    prompt_positions: int = 0
    cached_positions: int = 0
    text_positions: int = 0
    windows: int = 0
    text_ids: int = 0
    unit_ids: int = 0
    unit_positions: int = 0
    vocoder_frames_computed: int = 0
    vocoder_frames_emitted: int = 0
