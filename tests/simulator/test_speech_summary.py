"""The speech part of summary.json: pooled error rates with intervals, distributions, robustness; nothing for text."""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from scenarios.schema import AudioRef, Consultation, ErrorCounts, SpeechFigures, SpeechTiming, Turn
from simulator import statistics
from simulator.measuring.lines import SOUND
from simulator.measuring.passing import measure_run
from simulator.measuring.plan import Wanted
from simulator.speech_summary import SpeechRows, distribution
from simulator.summary import write_summary
from tests.helpers import small_key
from tests.simulator.report_run import shipped_cases, write_run
from tests.simulator.sound_run import write_sound_run

SIDE = {
    "utterances", "seconds", "synthesis_s", "real_time_factor", "first_audio_s", "cached", "clipped", "silent", "cer",
    "wer", "gap_s", "speech_share", "pesq", "stoi", "utmos",
}


def test_the_part_has_its_shape_before_and_after_measuring(folder: Path) -> None:
    write_sound_run(folder, 3, turns=3)
    before = write_summary(folder)["speech"]["doctors"]["one"]
    assert before["mode"] == "s2s" and before["turns"] == 9 and before["gap_s"] is None and before["overlaps"] == 0
    assert set(before["patient"]) == set(before["doctor"]) == SIDE
    patient = before["patient"]
    assert (patient["utterances"], patient["cached"], patient["silent"], patient["stoi"]) == (6, 0, 0, None)
    assert {name: patient["cer"][name] for name in ("rate", "edits", "reference", "utterances")} == {
        "rate": 0.05, "edits": 6, "reference": 120, "utterances": 6,
    }
    assert patient["synthesis_s"] == {"n": 6, "mean": 0.3, "median": 0.3, "p95": 0.3}
    assert patient["real_time_factor"]["mean"] == pytest.approx(0.3 * 6 / patient["seconds"], rel=0.2)
    measure_run(folder, Wanted())
    after = write_summary(folder)["speech"]["doctors"]["one"]
    assert after["gap_s"]["n"] == 6 and after["patient"]["gap_s"]["n"] == 3 and after["doctor"]["gap_s"]["n"] == 3
    assert after["patient"]["stoi"]["n"] == 6 and after["doctor"]["stoi"] is None
    assert after["patient"]["speech_share"]["mean"] > 0.5
    assert json.loads((folder / "summary.json").read_text())["speech"]["doctors"]["one"] == after


def test_overlaps_are_counted_and_are_no_gaps(folder: Path) -> None:
    write_sound_run(folder, 2)
    head = {"key": {"case": "case-0", "doctor": "one", "trial": 0}, "role": "patient", "vad": None}
    gaps = [-0.5, 0.2, -0.1, 0.6]
    (folder / SOUND).write_text("".join(
        json.dumps(head | {"turn": turn, "gap_s": gap, "stoi": True, "pesq": "4"}) + "\n"
        for turn, gap in enumerate(gaps)
    ))
    found = write_summary(folder)["speech"]["doctors"]["one"]
    assert found["overlaps"] == 2
    assert found["gap_s"] == {"n": 2, "mean": 0.4, "median": 0.4, "p95": pytest.approx(0.58)}
    assert found["patient"]["stoi"] is None and found["patient"]["pesq"] is None


def test_robustness_sets_error_rates_beside_coverage_and_diagnosis(folder: Path) -> None:
    write_sound_run(folder, 4, doctors=("one", "two"))
    summary = write_summary(folder)
    rows = summary["speech"]["robustness"]
    assert [row["doctor"] for row in rows] == ["one", "two"]
    assert rows[0]["cer"] == pytest.approx(1 / 20) and rows[1]["cer"] == pytest.approx(2 / 20)
    assert {row["listener"] for row in rows} == {"transcript (cer 0.2)"}
    for row in rows:
        metrics = summary["doctors"][row["doctor"]]["metrics"]
        assert row["coverage"] == {key: metrics["coverage"][key] for key in ("mean", "ci95")}
        assert row["diagnosis"] == {key: metrics["diagnosis_top1"][key] for key in ("mean", "ci95")}
    assert rows[0]["coverage"]["mean"] > rows[1]["coverage"]["mean"]


def test_who_was_not_listened_to_has_no_error_rate(folder: Path) -> None:
    write_sound_run(folder, 2, heard=False)
    speech = write_summary(folder)["speech"]
    assert speech["robustness"] == [] and speech["doctors"]["one"]["patient"]["cer"] is None


def test_a_run_of_text_has_no_part(folder: Path, tmp_path: Path) -> None:
    records = write_run(folder, shipped_cases(tmp_path, 2))
    plain = [one.model_copy(update={"turns": tuple(
        turn.model_copy(update={"heard": None, "audio": None}) for turn in one.turns
    )}) for one in records]
    (folder / "consultations.jsonl").write_text("".join(one.model_dump_json() + "\n" for one in plain))
    assert "speech" not in write_summary(folder)


def test_a_pooled_rate_weighs_characters_and_draws_whole_cases() -> None:
    found = statistics.estimate_ratio(np.array([1.0, 30.0]), np.array([10.0, 100.0]))
    assert found.mean == pytest.approx(31 / 110) and found.interval is not None
    assert 0.1 - 1e-9 <= found.interval[0] <= found.mean <= found.interval[1] <= 0.3 + 1e-9
    assert statistics.estimate_ratio(np.zeros(3), np.zeros(3)).mean is None
    assert statistics.estimate_ratio(np.ones(1), np.ones(1) * 4) == statistics.Estimate(0.25, None, 1)
    skewed = np.array([0.0, 0.0, 1.0, 0.0, 9.0, 2.0, 0.0, 40.0])
    assert statistics.estimate_ratio(skewed, np.ones(8)) == pytest.approx(
        statistics.estimate_means(skewed[:, None])[0]
    ), "over cases of equal length it is the mean"
    same = statistics.estimate_ratio(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 30.0])).interval
    assert same == pytest.approx((0.1, 0.1))


def test_intervals_of_a_pooled_rate_hold_the_truth_19_times_in_20() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for trial in range(150):
        lengths = rng.integers(20, 200, 40)
        edits = rng.binomial(lengths, rng.beta(4, 36, 40))  # errors come together: each case has a rate of its own
        low, high = statistics.estimate_ratio(
            edits.astype(float), lengths.astype(float), resamples=500, seed=trial
        ).interval or (0, 0)
        held += low <= 0.1 <= high
    assert 0.88 <= held / 150 <= 0.99


def test_a_distribution_is_exact_and_none_without_numbers() -> None:
    assert distribution([]) is None
    assert distribution(range(101)) == {"n": 101, "mean": 50.0, "median": 50.0, "p95": 95.0}


def consultation(index: int) -> Consultation:
    counts = ErrorCounts(substitutions=index % 3, reference=40)
    turns = tuple(Turn(
        index=turn, exchange=turn // 2 + 1, role=("patient", "doctor")[turn % 2], text="words", heard="wards",
        audio=AudioRef(path=f"audio/{index}-{turn}.wav", sample_rate_hz=16_000, seconds=3.0),
        speech=SpeechFigures(voice="v", waveform="0" * 64, characters=counts, words=counts),
        speech_timing=SpeechTiming(synthesis_s=0.1, first_audio_s=0.05),
    ) for turn in range(12))
    return Consultation(key=small_key(f"case-{index}"), language="en", turns=turns, stop_reason="advice_given")


def test_memory_and_time_stay_small_over_many_consultations(tmp_path: Path) -> None:
    rows, records = SpeechRows(), [consultation(index) for index in range(50)]
    tracemalloc.start()
    begun = time.process_time()
    for index in range(1_000):
        record = records[index % 50]
        rows.see(record.model_copy(update={"key": small_key(f"case-{index}")}))
    taken = time.process_time() - begun
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert size < 1_500_000, "numbers only: 12,000 utterances"
    assert taken < 3.0
    assert rows.part(tmp_path, {}, {"d": {}})["speech"]["doctors"]["d"]["turns"] == 12_000
