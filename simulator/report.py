"""report.html: one file that holds a run's figures and every transcript; it reads a run folder and runs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from scenarios.schema import DIMENSIONS, Case, Consultation
from simulator import drawing, pages
from simulator.measured import gap_counts
from simulator.metric_names import MAIN, best, ordered, span
from simulator.pairing_figures import pairwise_part
from simulator.pairing_report import pairwise_context
from simulator.report_data import Curves, Reasons, Transcripts
from simulator.speech_report import speech_part
from simulator.speech_summary import SpeechRows
from simulator.store import REPORT, read_run, write_parts
from simulator.summary import summarise
from simulator.table import MetricTable

BINS = 20


def write_report(folder: Path) -> Path:
    """Write report.html beside the journal and return its path.

    The journal is read twice, once for the figures and once for the transcripts; memory does not grow with the
    transcripts. A kill leaves the old report or the new one.

    Raises:
        RunFolderError: ``folder`` is no run folder, cannot be read or cannot be written.
    """
    described = read_run(folder)
    curves, missing, speech = Curves(), Reasons(), SpeechRows()

    def see(record: Consultation, case: Case | None) -> None:
        curves.see(record, case)
        missing.see(record, case)
        speech.see(record)

    table = MetricTable.read(folder, see)
    summary = summarise(described, table) | pairwise_part(folder, table.names["doctor"])
    summary |= speech.part(folder, described, summary["doctors"])
    page = pages.environment().get_template("report.html.j2").stream({
        **context(described, summary, table, curves, gap_counts(folder)),
        "reasons": {**missing.main(), **silent(summary)},
        "transcripts": Transcripts(folder, described, len(table)),
        "style": pages.style(), "script": pages.script(), "policy": pages.content_policy(),
    })
    page.enable_buffering(50)
    path = folder / REPORT
    write_parts(path, page)
    return path


def context(
    described: Mapping[str, Any], summary: dict[str, Any], table: MetricTable, curves: Curves,
    gaps: Mapping[str, Sequence[int]] | None = None,
) -> dict[str, Any]:
    """Return everything the template's figures and tables show; ``gaps``: from ``simulator.measured.gap_counts``."""
    doctors: dict[str, dict[str, Any]] = summary["doctors"]
    metrics = ordered(table.metrics)
    return {
        "run": described, "summary": summary, "lede": lede(summary),
        "cases": len(table.names["case"]),
        "trials": int(table.trial.max()) + 1 if len(table) else described.get("batch", {}).get("trials", 1),
        "main_metrics": [metric for metric in metrics if metric in MAIN],
        "more_metrics": [metric for metric in metrics if metric not in MAIN],
        "leading": {
            metric: best(metric, {name: one["metrics"][metric]["mean"] for name, one in doctors.items()})
            for metric in metrics
        },
        "pairs": paired_blocks(summary), "plots": plots(summary, table, curves),
        "pairwise": pairwise_context(summary), "speech": speech_part(summary, gaps),
        "keys": [(drawing.key(place), name) for place, name in enumerate(doctors)],
    }


def lede(summary: dict[str, Any]) -> str:
    """Return the one sentence that says how the two best doctors stand on the total; '' when there are no two."""
    means = {name: one["metrics"].get("total", {}).get("mean") for name, one in summary["doctors"].items()}
    ranked = sorted((name for name in means if means[name] is not None), key=lambda name: -means[name])
    if len(ranked) < 2:
        return ""
    first, second = ranked[:2]
    row = next((r for r in summary["paired"] if r["metric"] == "total" and {r["a"], r["b"]} == {first, second}), None)
    if row is None or row["mean"] is None:
        return ""
    sign = 1 if row["a"] == first else -1
    text = f"{first} stands first with a total of {means[first]:.1f}. "
    text += f"On the {row['n_cases']} cases it shares with {second} the difference is {sign * row['mean']:+.1f} points"
    if row["ci95"]:
        low, high = sorted(sign * end for end in row["ci95"])
        text += f", 95% interval {low:+.1f} to {high:+.1f}, p {_p_words(row['p_holm'])}"
    return text + "."


def paired_blocks(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the pairs of doctors, each with the main metrics and a small drawing of every difference."""
    blocks: dict[tuple[str, str], list[dict[str, Any]]] = {}
    doctors, reach = summary["doctors"], _reaches(summary)
    for row in summary["paired"]:
        metric = row["metric"]
        if metric not in MAIN:
            continue
        blocks.setdefault((row["a"], row["b"]), []).append({
            **row, "drawing": drawing.forest(row["mean"], _pair(row["ci95"]), reach[span(metric).high]),
            "of_a": doctors[row["a"]]["metrics"][metric]["mean"],
            "of_b": doctors[row["b"]]["metrics"][metric]["mean"],
        })
    return [{"a": a, "b": b, "rows": rows} for (a, b), rows in blocks.items()]


def _reaches(summary: dict[str, Any]) -> dict[float, float]:
    """Return how far the drawings of differences go, by the metric's scale: one for totals, dimensions, shares."""
    reach: dict[float, float] = {}
    for row in summary["paired"]:
        if row["metric"] in MAIN and row["mean"] is not None:
            scale = span(row["metric"]).high
            far = max(abs(end) for end in (row["ci95"] or [row["mean"]]))
            reach[scale] = max(reach.get(scale, scale / 10), 1.1 * far)
    return reach | {scale: reach.get(scale, scale) for scale in (1.0, 10.0, 100.0)}


def plots(summary: dict[str, Any], table: MetricTable, curves: Curves) -> list[tuple[str, str, Markup | None]]:
    """Return the four figures: title, note and drawing; a figure without numbers says why it is empty."""
    doctors = list(summary["doctors"])
    dims = [name for name in DIMENSIONS if name in table.metrics]
    rows = [
        (DIMENSIONS[name]["en"], [_dot(place, summary["doctors"][doctor]["metrics"][name])
                                  for place, doctor in enumerate(doctors)])
        for name in dims
    ]
    exchanges = int(table.exchanges.max(initial=0))
    shares = [(doctor, curves.means(doctor, exchanges)) for doctor in doctors]
    return [
        ("Dimensions", "mean of the six dimensions, 0 to 10, with 95% intervals over cases",
         drawing.profile(rows, 0, 10, "Dimensions by doctor") if rows else None),
        ("Critical items out, by exchange", "mean share that the patient has told; carried on after the end",
         drawing.curves(shares, "Coverage by exchange") if any(values for _, values in shares) else None),
        ("Totals", "how the consultations' totals spread, 0 to 100", _totals(table, doctors)),
        ("Exchanges", "how long the consultations were", _lengths(table, doctors, exchanges)),
    ]


def _totals(table: MetricTable, doctors: list[str]) -> Markup | None:
    if "total" not in table.metrics:
        return None
    rows = []
    for doctor in doctors:
        values = table.select(doctor, "total")[1]
        counts = np.histogram(values, bins=BINS, range=(0, 100))[0].tolist()
        rows.append((doctor, counts, f"median {np.median(values):.1f}" if len(values) else "not scored"))
    return drawing.histograms(rows, [(0, "0"), (0.25, "25"), (0.5, "50"), (0.75, "75"), (1, "100")], "Totals by doctor")


def _lengths(table: MetricTable, doctors: list[str], longest: int) -> Markup | None:
    if not longest:
        return None
    width = -(-longest // 30)
    bins = -(-longest // width)
    rows = []
    for doctor in doctors:
        lengths = table.exchanges[table.of_doctor(doctor)]
        counts = np.bincount((np.maximum(lengths, 1) - 1) // width, minlength=bins).tolist()
        rows.append((doctor, counts, f"mean {lengths.mean():.1f}" if len(lengths) else "none"))
    step = max(1, bins // 8)
    ticks = [((place + 0.5) / bins, str(place * width + 1)) for place in range(0, bins, step)]
    return drawing.histograms(rows, ticks, "Exchanges by doctor")


def _dot(series: int, figure: dict[str, Any]) -> drawing.Dot:
    return drawing.Dot(series, figure["mean"], _pair(figure["ci95"]))


def _pair(interval: list[float] | None) -> tuple[float, float] | None:
    return None if interval is None else (interval[0], interval[1])


def _p_words(p: float | None) -> str:
    return "not known" if p is None else "below 0.001" if p < 0.001 else f"= {p:.3f}"


def silent(summary: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Return the doctors who have no figures at all, with the reason; '' stands for every metric."""
    return {(name, ""): "no scored consultation" for name, one in summary["doctors"].items() if not one["n"]}
