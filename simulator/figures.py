"""Figures of doctors from tables of consultations: means, pass rates, failures, pairs; knows no folder and no page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from simulator import statistics
from simulator.metric_names import MAIN, ordered
from simulator.table import Floats, MetricTable

ENOUGH_COVERAGE = 0.5


@dataclass(frozen=True)
class Entry:
    """One doctor of one run. ``name`` is how it is called here, ``doctor`` how its table calls it."""

    name: str
    backend: str
    table: MetricTable
    doctor: str

    def case_means(self, metric: str, cases: Sequence[str]) -> Floats:
        """Return the mean over trials for each of ``cases``; NaN where there is none."""
        if metric not in self.table.metrics:
            return np.full(len(cases), np.nan)
        place = {case: index for index, case in enumerate(self.table.names["case"])}
        means = self.table.case_means(self.doctor, metric)
        return np.array([means[place[case]] if case in place else np.nan for case in cases], dtype=np.float64)


def metric_names(entries: Sequence[Entry]) -> list[str]:
    """Return every metric that any of the doctors has, main ones first."""
    return ordered(name for entry in entries for name in entry.table.metrics)


def case_names(entries: Sequence[Entry]) -> list[str]:
    """Return every case of the tables, sorted."""
    return sorted({case for entry in entries for case in entry.table.names["case"]})


def doctor_figures(entries: Sequence[Entry]) -> dict[str, dict[str, Any]]:
    """Return what is said of each doctor alone: see ``simulator.summary.build_summary``."""
    metrics, cases = metric_names(entries), case_names(entries)
    columns = [entry.case_means(metric, cases) for entry in entries for metric in metrics]
    found = iter(statistics.estimate_means(np.column_stack(columns)) if columns else ())
    figures = {}
    for entry in entries:
        rows = entry.table.of_doctor(entry.doctor)
        scored = rows & entry.table.scored
        figures[entry.name] = {
            "backend": entry.backend,
            "n_cases": len(np.unique(entry.table.case[scored])),
            "n": int(scored.sum()),
            "metrics": {metric: _mean(entry, metric, next(found)) for metric in metrics},
            "pass": pass_figures(entry),
            "failures": _owners(entry),
            "unparsed_rate": rounded(float(1 - entry.table.parsed[rows].mean())) if rows.any() else None,
        }
    return figures


def paired_figures(entries: Sequence[Entry], cases: Sequence[str]) -> list[dict[str, Any]]:
    """Return the differences of every pair of doctors and metric over ``cases``, Holm-corrected within a metric."""
    pairs, metrics = list(combinations(entries, 2)), metric_names(entries)
    if not pairs or not metrics or not len(cases):
        return []
    means = {(entry.name, metric): entry.case_means(metric, cases) for entry in entries for metric in metrics}
    columns = [means[a.name, metric] - means[b.name, metric] for metric in metrics for a, b in pairs]
    found = statistics.paired_differences(np.column_stack(columns))
    rows = []
    for index, metric in enumerate(metrics):
        ours = found[index * len(pairs) : (index + 1) * len(pairs)]
        for (a, b), paired, corrected in zip(pairs, ours, statistics.holm([one.p for one in ours]), strict=True):
            rows.append({"a": a.name, "b": b.name, "metric": metric, **_paired(paired, corrected)})
    order = {(a.name, b.name): index for index, (a, b) in enumerate(pairs)}
    return sorted(rows, key=lambda row: order[row["a"], row["b"]])


def pass_figures(entry: Entry) -> dict[str, Any]:
    """Return pass@1, pass@k and pass^k, k being the trials that most cases have.

    A consultation succeeds when the reference diagnosis is named first and at least half of the critical items
    came out. A case with fewer than k scored trials cannot say anything about k and is left out of those two.
    """
    nothing = {"at_1": None, "at_k": None, "hat_k": None, "k": None, "n_cases": 0}
    if not {"diagnosis_top1", "coverage"} <= entry.table.metrics.keys():
        return nothing
    table = entry.table
    keep = ~np.isnan(table.metrics["diagnosis_top1"]) & ~np.isnan(table.metrics["coverage"])
    keep &= table.of_doctor(entry.doctor) & table.scored
    case, top1, coverage = table.case[keep], table.metrics["diagnosis_top1"][keep], table.metrics["coverage"][keep]
    if not len(case):
        return nothing
    success = (top1 >= 1) & (coverage >= ENOUGH_COVERAGE)
    trials = Counter(case.tolist())
    won = Counter(case[success].tolist())
    k = max(Counter(trials.values()).items(), key=lambda item: (item[1], item[0]))[0]
    enough = [one for one, n in trials.items() if n >= k]
    return {
        "at_1": rounded(float(np.mean([won[one] / n for one, n in trials.items()]))),
        "at_k": rounded(float(np.mean([statistics.pass_at_k(trials[one], won[one], k) for one in enough]))),
        "hat_k": rounded(float(np.mean([statistics.pass_hat_k(trials[one], won[one], k) for one in enough]))),
        "k": k, "n_cases": len(trials),
    }


def methods() -> dict[str, Any]:
    """Return how the figures were computed, for the record."""
    return {
        "mean": "mean of the cases' means over trials; consultations that failed for others are left out",
        "interval": "95% BCa bootstrap over cases",
        "resamples": statistics.RESAMPLES,
        "p": f"two-sided sign-flip permutation over cases; exact up to {statistics.EXACT_UP_TO} cases",
        "flips": statistics.FLIPS,
        "p_holm": "Holm over the pairs of doctors within one metric",
        "detectable": "smallest true difference found with 80% power at the 5% level by a paired t-test",
        "success": f"diagnosis_top1 = 1 and coverage >= {ENOUGH_COVERAGE}",
        "seed": statistics.SEED,
        "main_metrics": list(MAIN),
    }


def rounded(value: float | None) -> float | None:
    """Return ``value`` as it is stored: six decimals, and no negative zero."""
    return None if value is None else round(value, 6) + 0.0


def _mean(entry: Entry, metric: str, estimate: statistics.Estimate) -> dict[str, Any]:
    there = entry.table.select(entry.doctor, metric)[1] if metric in entry.table.metrics else ()
    return {
        "mean": rounded(estimate.mean), "ci95": _interval(estimate), "n": len(there), "n_cases": estimate.n,
    }


def _paired(paired: statistics.Paired, corrected: float | None) -> dict[str, Any]:
    return {
        "mean": rounded(paired.estimate.mean), "ci95": _interval(paired.estimate),
        "p": rounded(paired.p), "p_holm": rounded(corrected), "n_cases": paired.estimate.n,
        "wins": paired.wins, "ties": paired.ties, "losses": paired.losses,
        "detectable": rounded(paired.detectable),
    }


def _interval(estimate: statistics.Estimate) -> list[float | None] | None:
    return None if estimate.interval is None else [rounded(end) for end in estimate.interval]


def _owners(entry: Entry) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for (doctor, owner, _kind), count in entry.table.failures.items():
        if doctor == entry.doctor:
            counts[owner] += count
    return dict(sorted(counts.items()))
