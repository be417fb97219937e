"""What a folder's comparisons say, as plain figures for summary.json, tables and pages; it asks no referee."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from scenarios.schema.pairing import Pairing
from simulator import statistics
from simulator.bradley_terry import PRIOR_SD
from simulator.figures import rounded
from simulator.pairing_statistics import Comparisons, PairRates, Ranking, Rate, pair_rates, position, ranking
from simulator.pairing_store import read_pairings, read_referee


def pairwise_part(folder: Path, doctors: Sequence[str] = ()) -> dict[str, Any]:
    """Return ``{"pairwise": figures}`` for a summary; nothing when no pair was compared in ``folder``."""
    found = list(read_pairings(folder).values())
    if not found:
        return {}
    referee = (read_referee(folder) or {}).get("referee", {})
    return {"pairwise": pairwise_figures(found, doctors) | {"referee": referee}}


def pairwise_figures(found: Sequence[Pairing], doctors: Sequence[str] = ()) -> dict[str, Any]:
    """Return what comparisons say.

    ``{n, unparsed, doctors, pairs: [{a, b, n, n_cases, win, tie, loss, net, p, p_holm}], dimensions: {NAME: [{a, b,
    net}]}, position: {first, inconsistent, first_n, second_n, tie_n}, ranking: {tie, notes, standings: [{doctor,
    strength, ci95, rank, ranks, best}]} | None, failures: [{what, count}], methods}``; shares are ``{mean, ci95}``.
    """
    whole = Comparisons.read(found, doctors)
    rates = pair_rates(whole)
    corrected = statistics.holm([one.p for one in rates])
    placed = position(whole)
    dimensions = dict.fromkeys(name for one in found for name in one.preference.dimensions)
    failures = Counter(f"{one.owner}: {one.kind}" for pairing in found for one in pairing.failures)
    return {
        "n": len(found), "unparsed": whole.unparsed, "doctors": list(whole.doctors),
        "pairs": [_pair(one, p) for one, p in zip(rates, corrected, strict=True)],
        "dimensions": {
            name: [{"a": one.a, "b": one.b, "net": _rate(one.net)}
                   for one in pair_rates(Comparisons.read(found, doctors, name))]
            for name in dimensions
        },
        "position": {
            "first": _rate(placed.first), "inconsistent": _rate(placed.inconsistent),
            "first_n": placed.first_n, "second_n": placed.second_n, "tie_n": placed.tie_n,
        },
        "ranking": _ranking(ranking(whole)),
        "failures": [{"what": what, "count": count} for what, count in failures.most_common()],
        "methods": {
            "win": "preferred in both orders; orders that disagree make a tie",
            "interval": "95% bootstrap over cases; Clopper-Pearson where all cases agree",
            "p": "two-sided sign-flip permutation over cases of win - loss, Holm over pairs",
            "first": "share of the askings with a preference that preferred what was shown first; 0.5 without bias",
            "ranking": f"Bradley-Terry with ties (Davidson 1970), normal prior of standard deviation {PRIOR_SD:g}",
            "resamples": statistics.RESAMPLES, "seed": statistics.SEED,
        },
    }


def pairwise_tables(summary: dict[str, Any]) -> list[Table]:
    """Return the terminal's tables: pairs, and the ranking of three doctors or more; none without comparisons."""
    figures = summary.get("pairwise")
    if not figures:
        return []
    tables = [_pairs_table(figures)]
    if figures["ranking"]:
        tables.append(_ranking_table(figures["ranking"]))
    return tables


def position_words(figures: dict[str, Any]) -> str:
    """Return in one sentence what the order of showing did."""
    placed = figures["position"]
    first, apart = placed["first"], placed["inconsistent"]
    if apart["mean"] is None:
        return "No comparison could be read."
    words = "No asking preferred either consultation"
    if first["mean"] is not None:
        words = f"The consultation shown first was preferred in {_percent(first)} of the askings with a preference"
    return f"{words}; the two orders disagreed in {_percent(apart)} of the comparisons, which count as ties."


def _pairs_table(figures: dict[str, Any]) -> Table:
    lines = [position_words(figures), "* p below 0.05, sign-flip permutation over cases, Holm over pairs"]
    if figures["unparsed"]:
        lines.append(f"{figures['unparsed']} of {figures['n']} comparisons could not be read and count for nobody")
    table = Table(
        title="Compared by the referee", caption=Text("\n".join(lines)), title_justify="left", caption_justify="left"
    )
    table.add_column("")
    for head in ("won", "tied", "lost", "won − lost", "95% interval", "p"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in figures["pairs"]:
        net = row["net"]
        table.add_row(
            Text(f"{row['a']} − {row['b']}, {row['n_cases']} cases"), *(_share(row[k]) for k in ("win", "tie", "loss")),
            "-" if net["mean"] is None else f"{net['mean']:+.2f}",
            "-" if net["ci95"] is None else f"{net['ci95'][0]:+.2f} to {net['ci95'][1]:+.2f}", _p(row["p_holm"]),
        )
    return table


def _ranking_table(found: dict[str, Any]) -> Table:
    table = Table(
        title="Ranking by the referee (Bradley-Terry with ties)", title_justify="left", caption_justify="left",
        caption=Text("\n".join(["strength: log-odds against the average doctor", *found["notes"]])),
    )
    table.add_column("")
    for head in ("rank", "95% interval", "strength", "95% interval", "strongest"):
        table.add_column(head, justify="right", no_wrap=True)
    for one in found["standings"]:
        ends, ranks = one["ci95"], one["ranks"]
        table.add_row(
            Text(one["doctor"]), str(one["rank"]), "-" if ranks is None else f"{ranks[0]} to {ranks[1]}",
            f"{one['strength']:+.2f}", "-" if ends is None else f"{ends[0]:+.2f} to {ends[1]:+.2f}",
            f"{one['best']:.0%}",
        )
    return table


def _pair(one: PairRates, corrected: float | None) -> dict[str, Any]:
    return {
        "a": one.a, "b": one.b, "n": one.n, "n_cases": one.win.n_cases, "win": _rate(one.win), "tie": _rate(one.tie),
        "loss": _rate(one.loss), "net": _rate(one.net), "p": rounded(one.p), "p_holm": rounded(corrected),
    }


def _rate(rate: Rate) -> dict[str, Any]:
    ends = None if rate.interval is None else [rounded(end) for end in rate.interval]
    return {"mean": rounded(rate.mean), "ci95": ends}


def _ranking(found: Ranking | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "tie": rounded(found.tie), "notes": list(found.notes),
        "standings": [
            {
                "doctor": one.doctor, "strength": rounded(one.strength),
                "ci95": None if one.interval is None else [rounded(end) for end in one.interval],
                "rank": one.rank, "ranks": None if one.ranks is None else list(one.ranks), "best": rounded(one.best),
            }
            for one in found.standings
        ],
    }


def _share(rate: dict[str, Any]) -> str:
    return "-" if rate["mean"] is None else f"{rate['mean']:.0%}"


def _percent(rate: dict[str, Any]) -> str:
    ends = "" if rate["ci95"] is None else f" ({rate['ci95'][0]:.0%} to {rate['ci95'][1]:.0%})"
    return f"{rate['mean']:.0%}{ends}"


def _p(value: float | None) -> str:
    if value is None:
        return "-"
    return ("<0.001" if value < 0.001 else f"{value:.3f}") + (" *" if value < 0.05 else "")
