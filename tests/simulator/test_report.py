"""report.html holds the figures, every transcript, nothing that runs but its own script, and nothing from a network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tracemalloc
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scenarios.errors import RunFolderError
from scenarios.schema import Case, Consultation, Turn
from simulator import pages
from simulator.report import write_report
from simulator.report_data import Curves, coverage_by_exchange
from simulator.store import CONSULTATIONS, RUN
from simulator.summary import build_summary
from tests.simulator.report_run import HOSTILE, consultation, write_run


class Page(HTMLParser):
    """The scripts, attributes and text of a page, as a browser's parser would find them."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            attrs, text = self.scripts[-1]
            self.scripts[-1] = (attrs, text + data)
        elif self._inside != "style":
            self.words.append(data)

    def packed(self, prefix: str) -> list[Any]:
        """Return the unpacked parts whose id begins with ``prefix``."""
        return [json.loads(zlib.decompress(base64.b64decode(text))) for attrs, text in self.scripts
                if (attrs.get("id") or "").startswith(prefix)]


def test_every_transcript_is_in_the_file_and_decodes_to_the_same_text(
    folder: Path, six_cases: tuple[Case, ...]
) -> None:
    records = write_run(folder, six_cases)
    page = Page(write_report(folder))
    stored = [one for part in page.packed("chunk-") for one in part]
    assert [[turn["text"] for turn in one["turns"]] for one in stored] == [[t.text for t in r.turns] for r in records]
    assert [one["key"]["seed"] for one in stored] == [str(r.key.seed) for r in records], "63 bits stay exact as text"
    (index,) = page.packed("index")
    for at, record in enumerate(records):
        rows = index["rows"]
        assert index["cases"][rows["case"][at]]["id"] == record.key.case
        assert index["doctor"][rows["doctor"][at]] == record.key.doctor
    cases = [one for part in page.packed("cases-") for one in part]
    assert [one["id"] for one in cases] == [one["id"] for one in index["cases"]] == sorted(c.id for c in six_cases)


def test_chunks_are_found_by_the_number_of_their_first_entry(
    folder: Path, six_cases: tuple[Case, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    records = write_run(folder, six_cases)
    monkeypatch.setattr("simulator.report_data.CHUNK_BYTES", 9_000)
    page = Page(write_report(folder))
    parts, (index,) = page.packed("chunk-"), page.packed("index")
    assert len(parts) > 5
    assert index["starts"] == [0, *np.cumsum([len(part) for part in parts])[:-1].tolist()]
    assert sum(map(len, parts)) == len(records)


def test_what_a_doctor_says_is_never_markup(folder: Path, six_cases: tuple[Case, ...]) -> None:
    write_run(folder, six_cases[:2], hostile=True, name="a-run")
    plain = Page(write_report(folder))
    assert "alert(1)" not in (folder / "report.html").read_text("utf-8")
    run_by_browser = [attrs for attrs, _ in plain.scripts if attrs.get("type") != "text/plain"]
    assert len(run_by_browser) == 1
    texts = [turn["text"] for part in plain.packed("chunk-") for one in part for turn in one["turns"]]
    assert any(HOSTILE in text for text in texts)


def test_names_and_failures_on_the_page_are_escaped(folder: Path, six_cases: tuple[Case, ...]) -> None:
    records = write_run(folder, six_cases[:2])
    failure = {"owner": "judge", "kind": "<b>bad</b>", "message": "</script>"}
    line = json.loads(records[0].model_dump_json())
    line["failures"].append(failure)
    (folder / CONSULTATIONS).write_text("".join(json.dumps(one) + "\n" for one in [
        line, *(json.loads(r.model_dump_json()) for r in records[1:])
    ]))
    described = json.loads((folder / RUN).read_text())
    (folder / RUN).write_text(json.dumps({**described, "name": "<i>run</i>"}))
    page = Page(write_report(folder))
    assert "i" not in {tag for tag, _ in page.tags}
    assert "<b>bad</b>" in page.words and "<i>run</i>" in page.words


def test_the_policy_allows_our_script_and_style_by_hash_and_nothing_else(
    folder: Path, six_cases: tuple[Case, ...]
) -> None:
    write_run(folder, six_cases[:2])
    path = write_report(folder)
    page, html = Page(path), path.read_text("utf-8")
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy") or ""
    script = next(text for attrs, text in page.scripts if attrs.get("type") != "text/plain")
    style = re.search(r"<style>(.*?)</style>", html, re.S)
    assert style
    for text, source in ((script, "script-src"), (style.group(1), "style-src")):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{source} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    for tag, attrs in page.tags:
        assert "style" not in attrs and not any(name.startswith("on") for name in attrs), tag
        assert not re.match(r"(https?:)?//", attrs.get("src") or attrs.get("href") or ""), tag
    assert "innerHTML" not in script and "insertAdjacentHTML" not in script and "eval(" not in script


def test_tables_and_plots_stand_without_javascript(folder: Path, six_cases: tuple[Case, ...]) -> None:
    write_run(folder, six_cases)
    page = Page(write_report(folder))
    words = " ".join(" ".join(page.words).split())
    total = build_summary(folder)["doctors"]["history-taker"]["metrics"]["total"]
    assert f"{total['mean']:.1f}" in words and f"{total['ci95'][0]:.1f}–{total['ci95'][1]:.1f}" in words
    assert sum(tag == "svg" and attrs.get("class") == "plot" for tag, attrs in page.tags) == 4
    assert any(tag == "noscript" for tag, _ in page.tags)
    for said in ("pass@1", "pass^2", "not medical advice", "6 cases × 3 doctors × 2 trials", "history-taker against"):
        assert said in words.replace("  ", " "), said


def test_a_metric_that_nobody_scored_says_why(folder: Path, six_cases: tuple[Case, ...]) -> None:
    records = write_run(folder, six_cases, doctors=("checklist", "one-shot"))
    why = "the source names no diagnosis <here>"
    lines = []
    for one in records:
        if one.key.doctor == "one-shot":
            verdict = one.verdicts[0].model_copy(update={"not_scored": {"diagnosis_top1": why}})
            one = one.model_copy(update={"verdicts": (verdict,), "metrics": {"total": 50.0}})
        lines.append(one.model_dump_json() + "\n")
    (folder / CONSULTATIONS).write_text("".join(lines))
    assert why in Page(write_report(folder)).words


@pytest.mark.parametrize("keep", [0, 1])
def test_an_unfinished_run_has_a_report_too(folder: Path, six_cases: tuple[Case, ...], keep: int) -> None:
    records = write_run(folder, six_cases)[:keep]
    (folder / CONSULTATIONS).write_text("".join(r.model_dump_json() + "\n" for r in records))
    page = Page(write_report(folder))
    assert sum(len(part) for part in page.packed("chunk-")) == keep


def test_the_same_run_gives_the_same_bytes(folder: Path, six_cases: tuple[Case, ...]) -> None:
    write_run(folder, six_cases)
    assert write_report(folder).read_bytes() == write_report(folder).read_bytes()


def test_a_case_that_is_no_longer_in_cases_jsonl_is_still_listed(folder: Path, six_cases: tuple[Case, ...]) -> None:
    records = write_run(folder, six_cases)
    (folder / "cases.jsonl").write_text(six_cases[0].model_dump_json() + "\n")
    (index,) = Page(write_report(folder)).packed("index")
    assert {one["id"] for one in index["cases"]} == {r.key.case for r in records}


def test_an_unwritable_folder_is_a_clear_error(folder: Path, six_cases: tuple[Case, ...]) -> None:
    write_run(folder, six_cases[:2])
    (folder / ".report.html.tmp").mkdir()
    with pytest.raises(RunFolderError, match="cannot write"):
        write_report(folder)


def test_coverage_counts_what_the_patient_said_by_each_exchange(six_cases: tuple[Case, ...]) -> None:
    turns = (
        Turn(index=0, exchange=1, role="patient", text="a", disclosed=("x",)),
        Turn(index=1, exchange=1, role="doctor", text="b"),
        Turn(index=2, exchange=1, role="examiner", text="c", disclosed=("y",)),
        Turn(index=3, exchange=2, role="patient", text="d", disclosed=("y", "elsewhere")),
        Turn(index=4, exchange=3, role="patient", text="e", disclosed=("x",)),
    )
    record = consultation(six_cases[0], "checklist", 0, 1).model_copy(update={"turns": turns})
    assert coverage_by_exchange(record, frozenset("xyzw")).tolist() == [0.25, 0.5, 0.5]


def test_the_curve_carries_a_short_consultation_on(six_cases: tuple[Case, ...]) -> None:
    curves = Curves()
    records = [consultation(case, "history-taker", 0, 5) for case in six_cases]
    records = [record.model_copy(update={"scored": True}) for record in records]
    shares = []
    for record, case in zip(records, six_cases, strict=True):
        curves.see(record, case)
        one = coverage_by_exchange(record, case.critical_ids).tolist()
        shares.append(one + [one[-1]] * (8 - len(one)))
    assert curves.means("history-taker", 8) == pytest.approx(np.mean(shares, axis=0).tolist())
    assert curves.means("nobody", 8) == []


def test_memory_does_not_grow_with_the_transcripts(folder: Path, six_cases: tuple[Case, ...]) -> None:
    records: list[Consultation] = write_run(folder, six_cases, trials=1)

    def peak(times: int) -> int:
        with (folder / CONSULTATIONS).open("w") as file:
            for trial in range(times):
                for one in records:
                    again = one.model_copy(update={"key": one.key.model_copy(update={"trial": trial})})
                    file.write(again.model_dump_json() + "\n")
        tracemalloc.start()
        write_report(folder)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(1)
    small, large = peak(20), peak(80)
    grown = (80 - 20) * sum(len(one.model_dump_json()) for one in records)
    assert large - small < grown / 4, "an index row a consultation, not its words"


def test_the_script_is_one_strict_function() -> None:
    assert pages.script().startswith("(() => {\n\"use strict\";") and "</script" not in pages.script()
