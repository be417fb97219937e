"""What many paired comparisons say: rates by case, position bias, and the ranking with its doubts."""

from __future__ import annotations

import random

import pytest

from scenarios.schema.pairing import Asked, Choice, Pairing, Place, Preference
from simulator.pairing_statistics import Comparisons, pair_rates, position, ranking

_SHOWN: dict[Choice, tuple[Place, Place]] = {"a": ("first", "second"), "b": ("second", "first"), "tie": ("tie", "tie")}


def pairing(case: str, a: str, b: str, winner: Choice, trial: int = 0) -> Pairing:
    one, two = _SHOWN[winner]
    return asked(case, a, b, one, two, trial)


def asked(case: str, a: str, b: str, one: Place, two: Place, trial: int = 0, parsed: bool = True) -> Pairing:
    preference = Preference.of(Asked(better=one), Asked(better=two, parsed=parsed))
    return Pairing(case=case, trial=trial, doctor_a=a, doctor_b=b, config_hash="0", preference=preference)


def test_only_what_wins_in_both_orders_wins() -> None:
    assert asked("c", "x", "y", "first", "second").preference.winner == "a"
    assert asked("c", "x", "y", "second", "first").preference.winner == "b"
    for one, two in (("first", "first"), ("second", "second"), ("tie", "first"), ("second", "tie")):
        merged = asked("c", "x", "y", one, two).preference  # type: ignore[arg-type]
        assert (merged.winner, merged.consistent) == ("tie", False)
    agreed = asked("c", "x", "y", "tie", "tie").preference
    assert (agreed.winner, agreed.consistent) == ("tie", True)


def test_a_case_with_many_trials_weighs_as_much_as_one_with_few() -> None:
    many = [pairing("one", "x", "y", "a", trial) for trial in range(9)]
    rates = pair_rates(Comparisons.read([*many, pairing("two", "x", "y", "b")]))
    assert (rates[0].win.mean, rates[0].tie.mean, rates[0].loss.mean) == (0.5, 0.0, 0.5)
    assert (rates[0].n, rates[0].win.n_cases, rates[0].net.mean) == (10, 2, 0.0)


def test_the_three_shares_sum_to_one_and_turn_round_with_the_names() -> None:
    rng = random.Random(1)
    found = [pairing(f"c{i}", "x", "y", rng.choice(["a", "a", "b", "tie"])) for i in range(40)]
    turned = [p.model_copy(update={"doctor_a": "y", "doctor_b": "x", "preference": Preference.of(
        p.preference.orders[1], p.preference.orders[0])}) for p in found]
    straight, back = (pair_rates(Comparisons.read(some, ("x", "y")))[0] for some in (found, turned))
    assert straight == back
    shares = [straight.win.mean, straight.tie.mean, straight.loss.mean]
    assert sum(share for share in shares if share is not None) == pytest.approx(1)
    assert straight.win.interval is not None and straight.win.mean is not None
    assert straight.win.interval[0] < straight.win.mean < straight.win.interval[1]


def test_ten_wins_of_ten_leave_room_for_doubt() -> None:
    rate = pair_rates(Comparisons.read([pairing(f"c{i}", "x", "y", "a") for i in range(10)]))[0]
    assert rate.win.mean == 1.0
    assert rate.win.interval == (pytest.approx(1 - 0.3085, abs=1e-3), 1.0)
    assert rate.loss.interval == (0.0, pytest.approx(0.3085, abs=1e-3))
    assert rate.p == pytest.approx(2 / 2**10)


def test_a_referee_that_always_prefers_the_first_is_found_out() -> None:
    found = Comparisons.read([asked(f"c{i}", "x", "y", "first", "first") for i in range(20)])
    bias = position(found)
    assert (bias.first.mean, bias.inconsistent.mean) == (1.0, 1.0)
    assert (bias.first_n, bias.second_n, bias.tie_n) == (40, 0, 0)
    assert pair_rates(found)[0].tie.mean == 1.0


def test_a_referee_that_looks_at_the_doctors_has_no_position_bias() -> None:
    rng = random.Random(2)
    bias = position(Comparisons.read([pairing(f"c{i}", "x", "y", rng.choice(["a", "b", "tie"])) for i in range(60)]))
    assert bias.first.mean == 0.5
    assert bias.first.interval == (0.5, 0.5), "each comparison gives one preference to either place"
    assert bias.inconsistent.mean == 0.0


def test_a_slight_bias_has_an_interval_around_it() -> None:
    rng = random.Random(3)
    pairs: list[tuple[Place, Place]] = [("first", "second"), ("second", "first"), ("first", "first")]
    bias = position(Comparisons.read([asked(f"c{i}", "x", "y", *rng.choice(pairs)) for i in range(80)]))
    assert bias.first.mean is not None and bias.first.interval is not None
    assert 0.5 < bias.first.interval[0] < bias.first.mean < bias.first.interval[1] < 0.8


def test_what_could_not_be_read_is_counted_and_decides_nothing() -> None:
    found = Comparisons.read([pairing("c", "x", "y", "a"), asked("d", "x", "y", "second", "first", parsed=False)])
    assert (len(found), found.unparsed) == (1, 1)
    assert pair_rates(found)[0].win.mean == 1.0


def test_two_doctors_are_not_ranked_and_nothing_says_nothing() -> None:
    assert ranking(Comparisons.read([pairing("c", "x", "y", "a")])) is None
    nothing = Comparisons.read([])
    assert (pair_rates(nothing), position(nothing).first.mean, ranking(nothing)) == ([], None, None)


def league(strengths: dict[str, float], cases: int, seed: int) -> list[Pairing]:
    rng = random.Random(seed)
    names, found = list(strengths), []
    for index in range(cases):
        for i, a in enumerate(names):
            for b in names[i + 1:]:
                chance = 1 / (1 + 2.718281828 ** (strengths[b] - strengths[a]))
                winner: Choice = "tie" if rng.random() < 0.2 else "a" if rng.random() < chance else "b"
                found.append(pairing(f"c{index:03d}", a, b, winner))
    return found


def test_the_ranking_finds_the_true_order_with_intervals_that_hold_the_truth() -> None:
    truth = {"good": 1.0, "fair": 0.0, "poor": -1.0}
    found = ranking(Comparisons.read(league(truth, 150, seed=4)), resamples=400)
    assert found is not None
    assert [one.doctor for one in found.standings] == ["good", "fair", "poor"]
    for one in found.standings:
        assert one.interval is not None
        assert one.interval[0] < truth[one.doctor] < one.interval[1]
        assert one.ranks == (one.rank, one.rank)
    assert found.notes == ()


def test_equal_doctors_may_have_any_rank() -> None:
    found = ranking(Comparisons.read(league({"x": 0.0, "y": 0.0, "z": 0.0}, 60, seed=6)), resamples=400)
    assert found is not None
    assert {one.ranks for one in found.standings} <= {(1, 3), (1, 2), (2, 3)}
    assert sum(one.best for one in found.standings) == pytest.approx(1, abs=0.02), "equal ones share the place"


def test_the_order_of_the_records_and_of_the_doctors_changes_no_strength() -> None:
    records = league({"x": 0.5, "y": 0.0, "z": -0.4}, 25, seed=8)
    one = ranking(Comparisons.read(records, ("x", "y", "z")), resamples=100)
    other = ranking(Comparisons.read(records[::-1], ("z", "x", "y")), resamples=100)
    assert one is not None and other is not None
    for a, b in zip(one.standings, other.standings, strict=True):
        assert (a.doctor, a.rank, a.ranks) == (b.doctor, b.rank, b.ranks)
        assert a.strength == pytest.approx(b.strength, abs=1e-8)
        assert a.interval == pytest.approx(b.interval, abs=1e-6)


def test_a_doctor_who_won_everything_gets_a_note() -> None:
    records = [pairing(f"c{i}", "best", other, "a") for i in range(5) for other in ("x", "y")]
    records += [pairing(f"c{i}", "x", "y", "a" if i % 2 else "b") for i in range(5)]
    found = ranking(Comparisons.read(records), resamples=50)
    assert found is not None
    assert found.standings[0].doctor == "best"
    assert "believe the order" in found.notes[0]


def test_doctors_who_never_met_get_a_note() -> None:
    records = [pairing(f"c{i}", a, b, "a" if i % 2 else "b") for i in range(6) for a, b in (("w", "x"), ("y", "z"))]
    found = ranking(Comparisons.read(records), resamples=50)
    assert found is not None
    assert "w, x | y, z" in found.notes[0]


def test_a_dimension_is_counted_by_its_own_answers() -> None:
    one = Asked(better="first", dimensions={"safety": "second"})
    two = Asked(better="second", dimensions={"safety": "first"})
    record = Pairing(case="c", trial=0, doctor_a="x", doctor_b="y", config_hash="0", preference=Preference.of(one, two))
    rates = pair_rates(Comparisons.read([record, pairing("d", "x", "y", "a")], dimension="safety"))
    assert (rates[0].n, rates[0].loss.mean) == (1, 1.0)
