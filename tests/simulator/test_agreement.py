"""The agreement of a panel over a run: found in the metrics' names, told in the summary."""

from __future__ import annotations

import numpy as np
import pytest

from agents.judges.agreement import krippendorff_alpha
from scenarios.schema import Consultation
from simulator.agreement import agreement_of, agreement_words, panel_agreement
from tests.helpers import small_key

FIRST, SECOND = [2.0, 5.0, 8.0, 9.0, 1.0], [3.0, 5.0, 7.0, 9.0, 2.0]


def record(number: int, **metrics: float) -> Consultation:
    named = {name.replace("__", "."): value for name, value in metrics.items()}
    return Consultation(
        key=small_key(trial=number), language="en", turns=(), stop_reason="max_turns", metrics=named,
    )


def test_alpha_is_taken_over_all_consultations_of_a_run() -> None:
    records = [
        record(n, total=50.0, member__a__inquiry=x, member__b__inquiry=y)
        for n, (x, y) in enumerate(zip(FIRST, SECOND, strict=True))
    ]
    found = panel_agreement(records)
    assert found["inquiry"]["interval"] == pytest.approx(krippendorff_alpha([FIRST, SECOND]), abs=1e-6)
    assert found["inquiry"]["ordinal"] == pytest.approx(krippendorff_alpha([FIRST, SECOND], "ordinal"), abs=1e-6)
    assert (found["inquiry"]["n"], found["inquiry"]["members"]) == (5, ["a", "b"])


def test_a_consultation_that_one_member_could_not_score_is_left_out_of_its_items() -> None:
    records = [record(0, member__a__x=1, member__b__x=2), record(1, member__a__x=1), record(2, member__b__x=4)]
    assert panel_agreement(records)["x"]["n"] == 1


def test_two_panels_of_one_run_are_told_apart() -> None:
    column = np.array(FIRST)
    found = agreement_of({
        "member.a.x": column, "member.b.x": column, "x": column, "total": column,
        "strict.panel.member.a.x": column, "strict.panel.member.b.x": column,
    })
    assert set(found) == {"x", "strict.panel.x"}
    assert found["x"]["interval"] == 1


def test_a_run_without_a_panel_has_no_agreement_and_one_score_throughout_no_alpha() -> None:
    assert agreement_of({"total": np.array(FIRST)}) == {}
    assert agreement_words({}) == ""
    same = agreement_of({"member.a.x": np.ones(3), "member.b.x": np.ones(3)})
    assert same["x"] == {"interval": None, "ordinal": None, "n": 3, "members": ["a", "b"]}
    assert agreement_words(same) == "x –"
