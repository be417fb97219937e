"""A report shows what was said and heard: players' waveforms, differences, the Speech part, what mishearing cost."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from scenarios.schema import Language, Turn
from scenarios.schema.audio import AudioRef, ErrorCounts, SpeechFigures
from simulator import pages
from simulator.measured import GAP_BINS, gap_counts, measured_turns
from simulator.report import write_report
from simulator.scatter import Dot, scatter
from simulator.showing.misheard import MOST_CELLS, Piece, closest, differences
from simulator.showing.speech_view import rate_words, speech_view
from simulator.showing.waveform import outline, peaks
from simulator.speech_report import NO_SOUND, NOTHING_BETWEEN, UNMEASURED, Cell, speech_part
from simulator.summary import write_summary
from tests.simulator.report_run import write_run
from tests.simulator.spoken_run import DOCTORS, MARKUP, Spoken, write_spoken_run
from tests.simulator.test_report import Page


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Spoken:
    return write_spoken_run(tmp_path_factory.mktemp("spoken") / "run")


@pytest.fixture(scope="module")
def page(spoken: Spoken) -> Page:
    return Page(write_report(spoken.folder))


def words(page: Page) -> str:
    return " ".join(" ".join(page.words).split())


@pytest.mark.parametrize(("language", "said", "heard", "changes"), [
    ("zh", "我胃疼三天了，还有点恶心。", "我喂疼三天，还有典恶心", [("胃", "喂"), ("了，", ""), ("点", "典")]),
    ("en", "I have had a fever, since Monday; 38.5.", "i had a Fever since one day 38.5",
     [("have", ""), ("Monday", "one day")]),
    ("en", "Yes.", "", [("Yes.", "")]),
    ("zh", "", "好", [("", "好")]),
    ("zh", "ＡＢ，好。", "ab好", []),
])
def test_what_differs_is_found_and_nothing_else(
    language: Language, said: str, heard: str, changes: list[tuple[str, str]]
) -> None:
    pieces = differences(said, heard, language)
    assert [(piece.said, piece.heard) for piece in pieces if not piece.same] == changes
    joined = "".join(piece.heard + piece.after for piece in pieces)
    assert joined.replace(" ", "") == heard.replace(" ", ""), "what was heard is there whole"
    letters = "".join(piece.said for piece in pieces)
    assert [one for one in letters if one.isalnum()] == [one for one in said if one.isalnum()]


def test_the_nearer_of_what_was_written_and_read_aloud_is_compared() -> None:
    said, read = "请拨打120，快。", "请拨打幺二零，快。"
    assert closest(said, read, "请拨打幺二林，快", "zh")[1] == Piece(False, "零", "林", "，")
    assert closest(said, read, "请拨打120，块", "zh")[-1] == Piece(False, "快", "块")
    assert closest("a b", "", "a c", "en")[-1] == Piece(False, "b", "c")


def test_texts_too_long_to_align_are_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    size = int(MOST_CELLS**0.5) + 50
    pieces = differences("a" + "疼" * size, "b" + "痛" * size, "zh")
    assert [(len(one.said), len(one.heard)) for one in pieces] == [(size + 1, size + 1)]


def test_a_waveform_is_a_stroke_a_peak() -> None:
    assert peaks("0o" + "\x00😀") == [0, 63, 0, 63]
    path = outline("0" * 63 + "o")
    assert path.count("M") == 64 and path.endswith("M63.5 1v22") and path.startswith("M0.5 11.6v0.8")
    assert outline("") == "M.5 12H63.5", "a line where nothing is known"


def test_a_turn_that_was_only_written_has_no_sound() -> None:
    assert speech_view(Turn(index=0, exchange=1, role="patient", text="x"), "en") is None


def heard(**parts: Any) -> Turn:
    return Turn(index=0, exchange=1, role="doctor", text="Take 5 mg now, please.", **parts)


def test_words_that_were_understood_are_not_marked_though_they_are_written_otherwise() -> None:
    same = SpeechFigures(characters=ErrorCounts(reference=20))
    view = speech_view(heard(heard="take five milligrams now please", speech=same), "en")
    assert view and view.misheard is None and ("heard", "word for word") in view.facts
    cut = SpeechFigures(characters=ErrorCounts(reference=9), cut_s=1.0)
    view = speech_view(heard(heard="take 5 mg", speech=cut), "en")
    assert view and view.misheard and view.misheard.pieces[-1].said == "now, please."
    assert view.marks == (("interrupted after 1.0 s", False),)


def test_a_sound_of_no_length_and_a_text_of_no_length_divide_nothing() -> None:
    empty = SpeechFigures(cut_s=0.0, characters=ErrorCounts(insertions=2))
    sound = AudioRef(path="audio/a.wav", sample_rate_hz=24_000, seconds=0.0)
    view = speech_view(heard(heard="", audio=sound, speech=empty), "en", "a.wav")
    assert view and view.player and view.player.cut is None
    assert view.misheard and view.misheard.nothing and view.misheard.rates == "CER not defined (2 of 0)"
    assert rate_words("CER", ErrorCounts()) == ""


def test_every_spoken_turn_is_packed_with_what_was_measured_of_it(spoken: Spoken, page: Page) -> None:
    stored = [one for part in page.packed("chunk-") for one in part]
    assert len(stored) == len(spoken.records)
    for one, record in zip(stored, spoken.records, strict=True):
        for turn, known in zip(one["turns"], record.turns, strict=True):
            assert known.audio and known.speech
            assert (spoken.folder / turn["audio"]["path"]).is_file()
            assert turn["speech"]["waveform"] == known.speech.waveform
            assert ("gap_s" in turn["measured"]) == (turn["index"] not in (0, 2))
        crossed = [turn["index"] for turn in one["turns"] if "stoi" in turn["measured"]]
        assert crossed == ([0, 2, 4] if record.key.doctor == DOCTORS[1] else [])
    assert measured_turns(spoken.folder, "spoken-zh", DOCTORS[1])[0][4]["gap_s"] == -0.31
    assert measured_turns(spoken.folder, "spoken-zh", "nobody") == {}


def test_the_speech_part_gives_each_figure_with_what_it_rests_on(spoken: Spoken, page: Page) -> None:
    summary = write_summary(spoken.folder)
    said, side = words(page), summary["speech"]["doctors"][DOCTORS[0]]["patient"]
    assert f"{100 * side['cer']['rate']:.1f}%" in said and f"n {side['cer']['utterances']}" in said
    assert "speech in, speech out" in said and "Doctors speak, patients hear" in said
    assert any(attrs.get("href") == "#speech" for tag, attrs in page.tags if tag == "a")
    for explained in ("substitutions, deletions and insertions", "voice activity", "below 1 is faster than speech"):
        assert said.count(explained) == 1, "explained where it stands first"
    assert NOTHING_BETWEEN in said, "STOI of a doctor without a channel"
    assert "all 4 were said before" in said, "nothing is timed that came from the cache"


def test_a_run_that_was_not_measured_says_how_to_measure_it(tmp_path: Path) -> None:
    run = write_spoken_run(tmp_path / "run", measured=False)
    page = Page(write_report(run.folder))
    assert UNMEASURED in words(page)
    assert "Gaps between speakers by doctor" not in {attrs.get("aria-label") for _, attrs in page.tags}
    assert gap_counts(run.folder) == {}
    assert all("measured" not in turn for part in page.packed("chunk-") for one in part for turn in one["turns"])


def test_gaps_are_counted_by_doctor_with_the_far_ones_at_the_ends(tmp_path: Path) -> None:
    rows = [{"key": {"case": "c", "doctor": "d", "trial": 0}, "turn": turn, "gap_s": gap}
            for turn, gap in enumerate([-9.0, 0.01, 0.2, None, 77.0])]
    (tmp_path / "sound.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + "{torn")
    counts = gap_counts(tmp_path)["d"]
    assert (len(counts), sum(counts), counts[0], counts[-1], counts[4]) == (GAP_BINS, 4, 1, 1, 2)


def test_a_run_without_sound_looks_as_it_did(tmp_path: Path, six_cases: tuple[Any, ...]) -> None:
    records = write_run(tmp_path / "run", six_cases[:2])
    silent = [one.model_copy(update={"turns": tuple(
        turn.model_copy(update={"audio": None, "heard": None}) for turn in one.turns)}) for one in records]
    (tmp_path / "run" / "consultations.jsonl").write_text("".join(one.model_dump_json() + "\n" for one in silent))
    html = write_report(tmp_path / "run").read_text("utf-8")
    assert 'id="speech"' not in html and "#speech" not in html.partition("</style>")[2].partition("<script")[0]
    assert "speech" not in write_summary(tmp_path / "run")


def test_hostile_words_that_were_heard_are_data(tmp_path: Path) -> None:
    run = write_spoken_run(tmp_path / "run", hostile=True, measured=False)
    record = run.records[0].model_copy(update={"turns": tuple(turn.model_copy(update={
        "speech": turn.speech and turn.speech.model_copy(update={"voice": MARKUP, "channel": (MARKUP,)})
    }) for turn in run.records[0].turns)})
    (run.folder / "consultations.jsonl").write_text(record.model_dump_json() + "\n")
    path = write_report(run.folder)
    assert "alert(1)" not in path.read_text("utf-8"), "packed"
    assert "media-src 'self'" in pages.content_policy() and "unsafe" not in pages.content_policy()


def rates(doctor: str, cer: float, coverage: float | None) -> dict[str, Any]:
    share = {"mean": coverage, "ci95": None if coverage is None else [coverage - 0.1, coverage + 0.1]}
    return {"doctor": doctor, "listener": f"transcript (cer {cer})", "cer": cer, "coverage": share, "diagnosis": share}


def side(utterances: int = 0) -> dict[str, Any]:
    return {"utterances": utterances, "seconds": 0.0, "cached": 0, "clipped": 0, "silent": 0, "cer": None, "wer": None}


def summary_of(*rows: dict[str, Any]) -> dict[str, Any]:
    doctors = {row["doctor"]: {"mode": "s2t", "turns": 4, "gap_s": None, "overlaps": 0, "patient": side(4),
                               "doctor": side()} for row in rows}
    return {"doctors": {row["doctor"]: {"backend": "history-taker"} for row in rows},
            "speech": {"doctors": doctors, "robustness": list(rows)}}


def test_what_mishearing_costs_is_drawn_with_intervals_and_told_in_a_table() -> None:
    part = speech_part(summary_of(rates("a", 0.0, 0.84), rates("b<i>", 0.2, 0.44), rates("c", 0.4, None)))
    assert part and [title for title, _, _ in part.plots] == ["Critical items out", "Diagnosis named first"]
    drawn = str(part.plots[0][2])
    assert len(re.findall(r'class="mark s[01]"', drawn)) == 2 and drawn.count('class="span') == 2
    assert "b&lt;i&gt;" in drawn and "<i>" not in drawn and drawn.count('class="kin"') == 1
    assert [point.cer for point in part.points] == ["0.0%", "20.0%", "40.0%"]
    assert part.points[2].coverage == Cell(why="not scored"), "and never 0"
    alone = speech_part(summary_of(rates("a", 0.0, 0.84)))
    assert alone and not alone.plots, "one point is no figure"


def test_without_sound_nothing_is_said_of_sound() -> None:
    part = speech_part(summary_of(rates("a", 0.1, 0.5)))
    assert part and [block.title for block in part.blocks] == ["Taking turns", "Patients speak, doctors hear"]
    titles = {line.title for block in part.blocks for line in block.lines}
    assert "PESQ" not in titles and "Gap between speakers, s" not in titles and "Utterances" in titles
    assert part.blocks[1].lines[0].cells == (Cell("4", NO_SOUND),)
    assert speech_part({"doctors": {"a": {}}}) is None
    shown = summary_of(rates("a", 0.0, 0.9), rates("b", 0.2, 0.4))
    del shown["doctors"]["b"]
    some = speech_part(shown)
    assert some and [name for _, name, _ in some.doctors] == ["a"] and len(some.points) == 1, "of the doctors shown"


def test_labels_of_points_do_not_cover_each_other() -> None:
    dots = [Dot(k, f"doctor number {k}", 0.1 + 0.002 * k, 0.99, (0.9, 1.0)) for k in range(4)]
    texts = re.findall(r'class="name" x="([\d.]+)" y="([\d.]+)" text-anchor="(\w+)"', str(scatter(dots, "t")))
    assert len(set(texts)) == 4 and all(float(y) > 9 for _, y, _ in texts)
    assert "NaN" not in str(scatter([Dot(0, "x", 0.0, 0.0, None), Dot(1, "y", 0.0, 1.0, None)], "t"))
