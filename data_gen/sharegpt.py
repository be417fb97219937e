"""A simulated consultation as one ShareGPT training dialogue; it reads records, no files."""

from __future__ import annotations

from typing import Any

from scenarios.schema import Consultation, Turn


def to_sharegpt(consultation: Consultation) -> dict[str, Any]:
    """Return ``{"id", "conversations": [{"from": "human"|"gpt", "value", ["speech"]}], "meta"}``.

    The patient (and what the examiner reports) is ``human``, the doctor ``gpt``; neighbours of one side are
    joined, so that sides alternate; a last patient turn without an answer is left out, because training
    dialogues end with the doctor.
    """
    spoken: list[dict[str, Any]] = []
    for turn in consultation.turns:
        side = "gpt" if turn.role == "doctor" else "human"
        if spoken and spoken[-1]["from"] == side:
            spoken[-1]["value"] += f"\n{turn.text}"
        else:
            spoken.append({"from": side, "value": turn.text, **_speech(turn)})
    while spoken and spoken[-1]["from"] == "human":
        spoken.pop()
    key = consultation.key
    return {
        "id": f"{key.case}/{key.doctor}/{key.trial}",
        "conversations": spoken,
        "meta": {
            "language": consultation.language, "stop_reason": consultation.stop_reason,
            "scored": consultation.scored, "total": consultation.metrics.get("total"),
        },
    }


def _speech(turn: Turn) -> dict[str, str]:
    return {"speech": turn.audio.path} if turn.audio else {}
