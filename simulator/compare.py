"""Doctors of one or several runs side by side: same figures as a summary, and the tables a terminal shows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from simulator.agreement import agreement_of
from simulator.figures import Entry, doctor_figures, methods, paired_figures
from simulator.metric_names import MAIN, best, decimals, label
from simulator.pairing_figures import pairwise_tables
from simulator.store import read_run
from simulator.summary import consultations, entries_of, failures
from simulator.table import MetricTable
from simulator.usage import UsageCount, usage_figures

PAIRED_SHOWN = ("total", "coverage", "diagnosis_top1")


@dataclass(frozen=True)
class _Run:
    name: str
    described: dict[str, Any]
    table: MetricTable


def compare_runs(folders: tuple[Path, ...]) -> dict[str, Any]:
    """Return the doctors of all runs in the shape of a summary (see ``simulator.summary.build_summary``).

    With several runs a doctor is called RUN/doctor. Pairs are compared on the cases that every run has with the
    same content; ``cases`` says how many those are and which are not, ``notes`` what else makes runs differ.

    Raises:
        RunFolderError: one of ``folders`` is no run folder or cannot be read.
    """
    runs = _read(folders)
    several = len(runs) > 1
    entries: list[Entry] = []
    for run in runs:
        entries += entries_of(run.described, run.table, f"{run.name}/" if several else "")
    common, odd = _common(runs)
    counted = [consultations(run.described, run.table) for run in runs]
    stops: Counter[str] = Counter()
    for one in counted:
        stops.update(one["by_stop_reason"])
    return {
        "name": " · ".join(run.name for run in runs) if several else runs[0].described.get("name", ""),
        "notice": runs[0].described.get("notice", ""),
        "seed": None if several else runs[0].described.get("seed"),
        "consultations": {
            **{name: sum(one[name] for one in counted) for name in ("planned", "finished", "scored")},
            "by_stop_reason": dict(sorted(stops.items())),
        },
        "doctors": doctor_figures(entries),
        "paired": paired_figures(entries, common),
        "failures": failures([run.table for run in runs]),
        "usage": _usage(runs),
        "agreement": {
            f"{run.name}/{item}" if several else item: figures
            for run in runs for item, figures in agreement_of(run.table.metrics).items()
        },
        "cases": {"common": len(common), "not_common": odd},
        "notes": _notes(runs),
        "statistics": methods(),
    }


def summary_tables(summary: dict[str, Any]) -> list[Table]:
    """Return the doctors' table and, with two doctors or more, the paired differences, for a terminal."""
    tables = [_doctors(summary)]
    if summary["paired"]:
        tables.append(_paired(summary))
    return tables + pairwise_tables(summary)


def _usage(runs: list[_Run]) -> dict[str, Any] | None:
    """Return what all runs used, doctors named as in the comparison."""
    several = len(runs) > 1
    sums = {
        (f"{run.name}/{doctor}" if several else doctor, role): spent
        for run in runs for (doctor, role), spent in run.table.usage.sums.items()
    }
    return usage_figures({"batch": [run.described.get("batch", {}) for run in runs]}, UsageCount(sums))


def _read(folders: tuple[Path, ...]) -> list[_Run]:
    names = [folder.resolve().name for folder in folders]
    for index, name in enumerate(list(names)):
        if names.count(name) > 1:
            names[index] = f"{folders[index].resolve().parent.name}-{name}-{index + 1}"
    return [
        _Run(name, read_run(folder), MetricTable.read(folder)) for name, folder in zip(names, folders, strict=True)
    ]


def _common(runs: list[_Run]) -> tuple[list[str], dict[str, str]]:
    """Return the cases that can be paired, and why each other one cannot."""
    held = [{run.table.names["case"][index] for index in set(run.table.case.tolist())} for run in runs]
    odd: dict[str, str] = {}
    common = []
    for case in sorted(set().union(*held)):
        lacking = [run.name for run, cases in zip(runs, held, strict=True) if case not in cases]
        hashes = {run.described["identity"].get("cases", {}).get(case) for run in runs}
        if lacking:
            odd[case] = f"not in {', '.join(lacking)}"
        elif len(hashes) > 1:
            odd[case] = "its content differs between the runs"
        else:
            common.append(case)
    return common, odd


def _notes(runs: list[_Run]) -> list[str]:
    """Return the settings in which the runs differ although both doctors' figures depend on them."""
    notes = []
    for key in ("judges", "patient", "max_turns", "examiner", "voice", "listener"):
        values = {repr(run.described.get("batch", {}).get(key)) for run in runs}
        if len(values) > 1:
            notes.append(f"the runs differ in {key}: differences may come from that and not from the doctors")
    return notes


def _doctors(summary: dict[str, Any]) -> Table:
    doctors: dict[str, dict[str, Any]] = summary["doctors"]
    counts = summary["consultations"]
    caption = (
        f"{counts['finished']} of {counts['planned']} consultations, {counts['scored']} scored; "
        f"mean ± half of the 95% interval; best in bold. {summary['notice']}"
    )
    table = Table(title=Text(summary["name"]), caption=Text(caption), title_justify="left", caption_justify="left")
    table.add_column("")
    for name in doctors:
        table.add_column(Text(name), justify="right")
    for metric in [m for m in MAIN if any(m in one["metrics"] for one in doctors.values())]:
        leading = best(metric, {name: one["metrics"].get(metric, {}).get("mean") for name, one in doctors.items()})
        cells = [_cell(one["metrics"].get(metric), metric, name in leading) for name, one in doctors.items()]
        table.add_row(label(metric), *cells)
    for key, words in (("at_1", "pass@1"), ("at_k", "pass@{k}"), ("hat_k", "pass^{k}")):
        k = next((one["pass"]["k"] for one in doctors.values() if one["pass"]["k"]), None)
        if k and (key == "at_1" or k > 1):
            table.add_row(words.format(k=k), *(_share(one["pass"][key]) for one in doctors.values()))
    table.add_row("Scored consultations", *(str(one["n"]) for one in doctors.values()))
    return table


def _caption(summary: dict[str, Any]) -> Text:
    """Return how p was found and what must be known before believing it."""
    lines = ["sign-flip permutation test, p corrected (Holm) for the pairs; * below 0.05"]
    odd = summary.get("cases", {}).get("not_common", {})
    if odd:
        named = "; ".join(f"{case}: {why}" for case, why in list(odd.items())[:5])
        lines.append(f"{len(odd)} cases cannot be paired: {named}{' ...' if len(odd) > 5 else ''}")
    return Text("\n".join([*lines, *summary.get("notes", ())]))


def _paired(summary: dict[str, Any]) -> Table:
    table = Table(
        title="Paired differences over the same cases", title_justify="left", caption_justify="left",
        caption=_caption(summary),
    )
    table.add_column("")
    for head in ("difference", "95% interval", "p", "won/tied/lost"):
        table.add_column(head, justify="right", no_wrap=True)
    pair: tuple[str, str] | None = None
    for row in (row for row in summary["paired"] if row["metric"] in PAIRED_SHOWN):
        if pair != (row["a"], row["b"]):
            pair = (row["a"], row["b"])
            table.add_section()
            table.add_row(Text(f"{row['a']} − {row['b']}, {row['n_cases']} cases", style="bold"))
        digits = decimals(row["metric"])
        table.add_row(
            Text(f"  {label(row['metric']).rpartition(' (')[0] or label(row['metric'])}"),
            "-" if row["mean"] is None else f"{row['mean']:+.{digits}f}",
            "-" if row["ci95"] is None else f"{row['ci95'][0]:+.{digits}f} to {row['ci95'][1]:+.{digits}f}",
            _p(row["p_holm"]), f"{row['wins']}/{row['ties']}/{row['losses']}",
        )
    return table


def _cell(figure: dict[str, Any] | None, metric: str, leading: bool) -> Text:
    if figure is None or figure["mean"] is None:
        return Text("not scored", style="dim")
    digits = decimals(metric)
    text = Text(f"{figure['mean']:.{digits}f}", style="bold" if leading else "")
    if figure["ci95"] is not None:
        half = (figure["ci95"][1] - figure["ci95"][0]) / 2
        text.append(f" ±{half:.{digits}f}", style="dim")
    return text


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _p(value: float | None) -> str:
    if value is None:
        return "-"
    return ("<0.001" if value < 0.001 else f"{value:.3f}") + (" *" if value < 0.05 else "")
