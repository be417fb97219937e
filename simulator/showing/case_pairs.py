"""How two doctors differ on one case over its trials, beside how they differ on the whole run; knows no page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from scipy import special

from scenarios.schema import DIMENSIONS, Consultation
from simulator.metric_names import MAIN, label, span

LEVEL = 0.95
Trials = Mapping[int, Consultation]
"""A doctor's consultations of one case by trial."""


@dataclass(frozen=True)
class Difference:
    """First less second doctor.

    ``interval`` is None for the reason in ``why``; ``won``, ``tied`` and ``lost`` count the first doctor's ``n`` trials
    of one case, or the run's ``n`` cases.
    """

    mean: float
    interval: tuple[float, float] | None
    why: str
    n: int
    won: int
    tied: int
    lost: int


@dataclass(frozen=True)
class PairRow:
    """One metric: each doctor's mean over this case's trials, and the differences.

    ``top`` is the end of the metric's scale. What is None has its reason in ``why_a``, ``why_b``,
    ``why_here`` and ``why_run``.
    """

    metric: str
    title: str
    top: float
    of_a: float | None
    of_b: float | None
    why_a: str
    why_b: str
    here: Difference | None
    why_here: str
    run: Difference | None
    why_run: str


def pair_rows(a: Trials, b: Trials, run_wide: Mapping[str, Difference], why_run: str) -> tuple[PairRow, ...]:
    """Return a row for each main metric that either doctor has on this case.

    Args:
        a: the first doctor's trials.
        b: the second doctor's.
        run_wide: the differences over the whole run by metric, from ``run_differences``.
        why_run: what to say where ``run_wide`` lacks a metric.
    """
    there = {name for record in (*a.values(), *b.values()) for name in record.metrics}
    return tuple(_row(metric, a, b, run_wide.get(metric), why_run) for metric in MAIN if metric in there)


def case_difference(metric: str, a: Trials, b: Trials) -> Difference | None:
    """Return the mean difference over the trials that are scored for both; None when there is none.

    The interval is Student's t over the differences of equally numbered trials: it says how much chance there is in
    this case, nothing about other cases.
    """
    common = [trial for trial in sorted(a) if trial in b and _has(a[trial], metric) and _has(b[trial], metric)]
    if not common:
        return None
    found = [a[trial].metrics[metric] - b[trial].metrics[metric] for trial in common]
    interval, why = _interval(found)
    signs = [(one > 0) - (one < 0) for one in found]
    return Difference(mean(found), interval, why, len(found), signs.count(1), signs.count(0), signs.count(-1))


def run_differences(summary: Mapping[str, Any], a: str, b: str) -> dict[str, Difference]:
    """Return the run's paired differences, ``a`` less ``b``, by metric; empty when the summary has not this pair."""
    found = {}
    for row in summary.get("paired", ()):
        if {row["a"], row["b"]} != {a, b} or row["mean"] is None or a == b:
            continue
        sign = 1 if row["a"] == a else -1
        ends = sorted(sign * end for end in row["ci95"]) if row["ci95"] else []
        won, lost = (row["wins"], row["losses"]) if sign == 1 else (row["losses"], row["wins"])
        found[row["metric"]] = Difference(
            sign * row["mean"], (ends[0], ends[1]) if ends else None, "" if ends else "one case has no interval",
            row["n_cases"], won, row["ties"], lost,
        )
    return found


def over_trials(trials: Trials) -> str:
    """Return mean and standard deviation of the total where several trials are scored; '' otherwise."""
    totals = [record.metrics["total"] for record in trials.values() if _has(record, "total")]
    return f"{len(totals)} trials: {mean(totals):.1f} ±{stdev(totals):.1f}" if len(totals) > 1 else ""


def _row(metric: str, a: Trials, b: Trials, run: Difference | None, why_run: str) -> PairRow:
    here = case_difference(metric, a, b)
    (of_a, why_a), (of_b, why_b) = _mean(metric, a), _mean(metric, b)
    title = next((words["en"] for name, words in DIMENSIONS.items() if name == metric), label(metric))
    return PairRow(
        metric, title, span(metric).high, of_a, of_b, why_a, why_b, here,
        "" if here else why_a or why_b or "no trial in common", run, "" if run else why_run,
    )


def _mean(metric: str, trials: Trials) -> tuple[float | None, str]:
    values = [record.metrics[metric] for record in trials.values() if _has(record, metric)]
    if values:
        return mean(values), ""
    if not any(record.scored for record in trials.values()):
        return None, "not scored: what failed was not the doctor's"
    reasons = [verdict.not_scored[metric] for record in trials.values() for verdict in record.verdicts
               if metric in verdict.not_scored]
    return None, f"not scored: {reasons[0]}" if reasons else "not scored"


def _has(record: Consultation, metric: str) -> bool:
    return record.scored and metric in record.metrics


def _interval(differences: Sequence[float]) -> tuple[tuple[float, float] | None, str]:
    n = len(differences)
    if n < 2:
        return None, "one trial has no interval"
    if max(differences) == min(differences):
        return None, f"same in {n} trials"
    centre, quantile = mean(differences), float(special.stdtrit(n - 1, (1 + LEVEL) / 2))
    reach = quantile * stdev(differences) / math.sqrt(n)
    return (centre - reach, centre + reach), ""
