"""The report's section on comparisons: a matrix of wins and a drawing of strengths, from the summary's figures."""

from __future__ import annotations

from typing import Any

from scenarios.schema import DIMENSIONS
from simulator import drawing
from simulator.pairing_figures import position_words


def pairwise_context(summary: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the template shows; None without comparisons.

    ``matrix``: a row a doctor, a cell a column's doctor (None for itself and for who was never met), with the share
    of cases in which the row's doctor won.
    """
    figures = summary.get("pairwise")
    if not figures:
        return None
    doctors = figures["doctors"]
    return {
        "figures": figures, "doctors": doctors, "position": position_words(figures),
        "matrix": [(row, [_cell(figures["pairs"], row, column) for column in doctors]) for row in doctors],
        "strengths": _strengths(figures), "by_dimension": _by_dimension(figures),
    }


def _cell(pairs: list[dict[str, Any]], row: str, column: str) -> dict[str, Any] | None:
    for pair in pairs:
        if (pair["a"], pair["b"]) == (row, column):
            return {"won": pair["win"], "tied": pair["tie"], "n_cases": pair["n_cases"]}
        if (pair["b"], pair["a"]) == (row, column):
            return {"won": pair["loss"], "tied": pair["tie"], "n_cases": pair["n_cases"]}
    return None


def _by_dimension(figures: dict[str, Any]) -> list[tuple[str, list[dict[str, Any] | None]]]:
    """Return each dimension with what was won less what was lost, pair by pair."""
    pairs = [(row["a"], row["b"]) for row in figures["pairs"]]
    found = []
    for name, rows in figures["dimensions"].items():
        nets = {(row["a"], row["b"]): row["net"] for row in rows}
        words = DIMENSIONS[name]["en"] if name in DIMENSIONS else name.replace("_", " ").capitalize()
        found.append((words, [nets.get(pair) for pair in pairs]))
    return found


def _strengths(figures: dict[str, Any]) -> Any:
    if not figures["ranking"]:
        return None
    standings = figures["ranking"]["standings"]
    ends = [end for one in standings for end in (*(one["ci95"] or ()), one["strength"])]
    reach = max(0.5, *(abs(end) for end in ends))
    reach = -(-reach * 2 // 1) / 2
    rows = [
        (one["doctor"], [drawing.Dot(figures["doctors"].index(one["doctor"]), one["strength"],
                                     tuple(one["ci95"]) if one["ci95"] else None)])
        for one in standings
    ]
    return drawing.profile(rows, -reach, reach, "Strength by doctor")
