"""A run as a static site: every address is there, nothing leads out of the run folder, a kill leaves no half site."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from scenarios.errors import InputError
from scenarios.schema import Consultation, KeyId
from simulator.run_folder import Run
from simulator.showing.reading import key_of
from simulator.site import listing, names
from simulator.site.choice import choose
from simulator.site.links import StaticLinks
from simulator.site.names import part
from simulator.site.place import MARKER, new_site
from simulator.store import read_consultations
from tests.simulator.site_run import MARKUP, change, clinic, give_sound, held_run, tone


class Read(HTMLParser):
    """A page's tags and text, as a browser's parser would find them."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(path.read_text("utf-8"))
        self.text = " ".join(self.words)
        self.ids = {attrs["id"] for _, attrs in self.tags if "id" in attrs}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attrs for name, attrs in self.tags if name == tag]

    def addresses(self) -> list[str]:
        found = [attrs[name] for _, attrs in self.tags for name in ("href", "src", "action") if name in attrs]
        return [one for one in found if not one.startswith("data:")]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four cases, three doctors, two trials; the case 'ache' is spoken."""
    folder = held_run(tmp_path_factory.mktemp("site"))
    give_sound(folder, "ache")
    return folder


@pytest.fixture(scope="module")
def site(run: Path) -> Path:
    return export(run, run.parent / "site")


@pytest.fixture()
def own(run: Path, tmp_path: Path) -> Path:
    """A copy of the run that a test may spoil."""
    return Path(shutil.copytree(run, tmp_path / "run"))


def export(run: Path, target: Path, *words: Any) -> Path:
    result = clinic("export", run, "--format", "site", "-o", target, *words)
    assert result.exit_code == 0, result.output
    return target


def refused(run: Path, target: Path, *words: Any) -> str:
    result = clinic("export", run, "--format", "site", "-o", target, *words)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    return " ".join(result.output.split())


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def hashes(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def page_of(site: Path, record: Consultation) -> Path:
    return site / names.consultation(KeyId(record.key.case, record.key.doctor, record.key.trial))


def test_every_address_leads_to_something_on_the_site(site: Path) -> None:
    read = {path: Read(path) for path in pages(site)}
    reached, todo = {site / "index.html"}, [site / "index.html"]
    while todo:
        path = todo.pop()
        for address in read[path].addresses():
            file, _, anchor = address.partition("#")
            assert ":" not in file and not file.startswith("/") and "?" not in file, (path, address)
            target = path if not file else Path(os.path.normpath(path.parent / unquote(file)))
            assert target.is_relative_to(site) and target.is_file(), (path, address)
            assert not anchor or anchor in read[target].ids, (path, address)
            if target not in reached:
                reached.add(target)
                todo += [target] if target in read else []
    there = {path for path in site.rglob("*") if path.is_file()}
    assert reached == there - {site / MARKER}, "and nothing else is there"


def test_there_is_a_page_for_every_consultation_and_one_a_trial_to_compare(site: Path, run: Path) -> None:
    records = list(read_consultations(run))
    assert len(records) == 4 * 3 * 2
    for record in records:
        page = Read(page_of(site, record))
        assert all(turn.text in page.words for turn in record.turns)
        assert not page.all("form"), "nothing can be asked of a server"
        assert all(button["type"] == "button" for button in page.all("button")), "they only play sounds"
    assert len(list((site / "compare").rglob("*.html"))) == 4 * 2
    second = Read(site / names.compare("ache", 1))
    assert "../ache/1.html" not in second.addresses() and "../../compare/ache/1.html" in second.addresses()
    for record in records:
        if (record.key.case, record.key.trial) == ("ache", 1):
            assert all(turn.text in second.words for turn in record.turns)


def test_the_front_page_has_figures_intervals_and_every_total(site: Path, run: Path) -> None:
    front = Read(site / "index.html")
    summary = json.loads((run / "summary.json").read_text("utf-8"))
    for doctor in summary["doctors"].values():
        low, high = doctor["metrics"]["total"]["ci95"]
        assert f"{low:.1f}–{high:.1f}" in front.words
    assert {"Paired differences", "Figures", "Cases", "胃疼三天"} <= set(front.words)
    totals = Counter(f"{record.metrics['total']:.1f}" for record in read_consultations(run))
    shown = Counter(word for word in front.words if word in totals)
    assert all(shown[total] >= count for total, count in totals.items())


def test_every_page_says_what_it_is_and_allows_nothing_but_the_sites_own_files(site: Path, run: Path) -> None:
    described = json.loads((run / "run.json").read_text("utf-8"))
    for path in pages(site):
        page = Read(path)
        (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv")]
        assert policy.startswith("default-src 'none'") and "unsafe" not in policy and "http" not in policy
        assert "Nothing here is medical advice." in page.text and "simulation for research" in page.text
        assert f"seed {described['seed']}" in page.text and described["hash"] in page.text
        assert "clinic export run --format site -o site" in page.words and "Apache-2.0" in page.text
        assert str(run.parent) not in path.read_text("utf-8"), "no folder of this machine"
        for script in page.all("script"):
            assert script.get("src") and script.get("type", "") != "module", "modules do not load from a file"
        assert not page.all("style") and not any("style" in attrs for _, attrs in page.tags)


def test_scripts_fetch_nothing(site: Path) -> None:
    scripts = list((site / "assets").rglob("*.js"))
    assert scripts
    for path in scripts:
        text = path.read_text("utf-8")
        assert not any(word in text for word in ("fetch(", "XMLHttpRequest", "import(", "EventSource"))


def test_what_a_patient_says_is_never_markup(site: Path) -> None:
    for path in pages(site):
        page = Read(path)
        assert "alert(1)" not in page.words and not page.all("img")
        assert all("onerror" not in attrs for _, attrs in page.tags)
    assert f"Markup {MARKUP}" in Read(site / "index.html").words


def test_sounds_are_copied_under_names_of_our_own_and_played_without_preloading(site: Path, run: Path) -> None:
    spoken = [record for record in read_consultations(run) if record.key.case == "ache"]
    copied = 0
    for record in spoken:
        path = page_of(site, record)
        players = Read(path).all("audio")
        assert len(players) == len(record.turns)
        for player, turn in zip(players, record.turns, strict=True):
            assert "controls" in player and player["preload"] == "none" and turn.audio
            assert (path.parent / player["src"]).read_bytes() == (run / turn.audio.path).read_bytes()
            copied += 1
        assert "0.3 s" in Read(path).words
    assert len(list((site / "audio").rglob("*.wav"))) == copied
    assert Read(site / names.compare("ache", 0)).all("audio")
    assert "with sound" in Read(site / "index.html").text


def test_no_two_files_differ_by_case_only_and_none_has_a_reserved_name(site: Path) -> None:
    found = [path.relative_to(site).as_posix() for path in site.rglob("*")]
    assert len({name.lower() for name in found}) == len(found)
    for name in found:
        for piece in name.split("/"):
            assert not piece.endswith((".", " ")) and piece.split(".")[0] not in ("con", "nul", "aux", "prn")


def test_what_is_not_on_the_site_has_no_address(run: Path) -> None:
    stored = Run("run", run)
    chosen = choose(stored, stored.index(), ("slow", "fast"), ("con",))
    name = KeyId("con", "slow", 1)
    links = StaticLinks(chosen, 2, {(name, 0): "audio/x.wav"}, [(name, 1)])
    here, absent = key_of(name), key_of(KeyId("con", "Fast", 1))
    assert links.consultation("", here, 3) == "../../c/con~" + part("con")[4:] + "/slow-2.html#turn-0-3"
    assert links.audio("", here, 0) == "../../audio/x.wav" and links.prompt("", here, 1)
    assert links.compare("", "con", trial=7) == links.compare("", "con")
    for address in (
        links.consultation("", absent), links.compare("", "ache"), links.audio("", here, 1), links.audio("", absent, 0),
        links.prompt("", here, 0), links.fork("", here, 1), links.live(), links.live("s"), links.batches(),
    ):
        assert address == ""


@pytest.mark.parametrize("name", ["../up", "a/b", "A", "", "..", ".hidden", "x" * 100, "胃", "a b", "a~b", "COM1"])
def test_a_name_becomes_one_safe_piece_of_a_path(name: str) -> None:
    made = part(name)
    assert made not in ("", ".", "..") and made == made.lower() and made.isascii() and len(made) < 90
    assert not set("/\\: ?#%&<>\"'") & set(made) and not made.startswith(".")
    assert made != name and part(made) != made, "no other name has this piece"


@pytest.mark.parametrize("path", [
    "../secret.wav", "audio/../../secret.wav", "/etc/secret.wav", "secret.wav", "audio", "audio/page.html",
    "audio\\..\\secret.wav", "AUDIO/x.wav",
])
def test_a_path_that_is_not_below_audio_is_refused_and_named(own: Path, path: str) -> None:
    tone(own.parent / "secret.wav", 0.1, 440)

    def climb(record: dict[str, Any]) -> None:
        if (record["key"]["case"], record["key"]["doctor"], record["key"]["trial"]) == ("con", "slow", 1):
            record["turns"][1]["audio"] = {"path": path, "sample_rate_hz": 8000, "seconds": 0.1}

    change(own, climb)
    said = refused(own, own.parent / "site")
    assert repr(path) in said and "case con, doctor slow, trial 2" in said and "turn 2" in said
    assert not (own.parent / "site").exists() and not list(own.parent.glob(".site*"))
    export(own, own.parent / "site", "--case", "ache")


@pytest.mark.parametrize("what", ["file", "folder", "audio"])
def test_a_link_is_refused_wherever_it_leads(own: Path, what: str) -> None:
    first = next(record for record in read_consultations(own) if record.key.case == "ache").turns[0]
    assert first.audio
    sound = own / first.audio.path
    if what == "file":
        sound.rename(own / "audio" / "elsewhere.wav")
        sound.symlink_to(own / "audio" / "elsewhere.wav")
    elif what == "audio":
        (own / "audio").rename(own.parent / "sounds")
        (own / "audio").symlink_to(own.parent / "sounds")
    else:
        (own.parent / "sounds").mkdir()
        (own / "audio" / "sub").symlink_to(own.parent / "sounds")
        tone(own.parent / "sounds" / "x.wav", 0.1, 440)
        change(own, lambda record: record["turns"][0].update(
            audio={"path": "audio/sub/x.wav", "sample_rate_hz": 8000, "seconds": 0.1}))
    assert "leads through a link" in refused(own, own.parent / "site")
    assert not (own.parent / "site").exists()


def test_a_missing_sound_is_said_and_has_no_player(own: Path) -> None:
    record = next(record for record in read_consultations(own) if record.key.case == "ache")
    assert record.turns[0].audio
    (own / record.turns[0].audio.path).unlink()
    target = own.parent / "site"
    result = clinic("export", own, "--format", "site", "-o", target)
    assert result.exit_code == 0 and f"1 sounds are not in the run folder, first {record.turns[0].audio.path!r}" in (
        " ".join(result.output.split()))
    assert len(Read(page_of(target, record)).all("audio")) == len(record.turns) - 1
    assert "1 sound is not in the run folder." in Read(target / "index.html").text


def test_the_same_run_gives_the_same_bytes(site: Path, own: Path) -> None:
    again = hashes(export(own, own.parent / "deep" / "er"))
    assert again == hashes(site)


def test_a_choice_leaves_no_word_of_the_rest(run: Path, tmp_path: Path) -> None:
    words = ("--doctor", "slow", "--doctor", "fast", "--limit", 2, "--title", "Our <demo>")
    target = export(run, tmp_path / "site", *words)
    records = [one for one in read_consultations(run) if one.key.doctor != "Fast" and one.key.case in ("Ache", "ache")]
    assert {path for path in (target / "c").rglob("*.html")} == {page_of(target, record) for record in records}
    for path in pages(target):
        text = path.read_text("utf-8")
        assert "Fast" not in text and "one-shot" not in text
    front = Read(target / "index.html")
    assert "Our <demo>" in front.words and "the figures are of all 4 cases" in front.text
    assert "2 of the run's 3 doctors" in front.text and "16 of 16 planned" in front.text
    assert "--doctor slow --doctor fast --limit 2 --title 'Our <demo>'" in front.text
    steps = [Read(page_of(target, record)) for record in records]
    assert sum(any(link.get("rel") == "next" for link in page.all("a")) for page in steps) == len(records) - 1


def test_one_doctor_has_nothing_to_compare(run: Path, tmp_path: Path) -> None:
    target = export(run, tmp_path / "site", "--doctor", "slow", "--case", "con")
    assert not (target / "compare").exists() and len(pages(target)) == 1 + 2
    assert all("compare" not in address for path in pages(target) for address in Read(path).addresses())


@pytest.mark.parametrize(("words", "said"), [
    (("--doctor", "slwo"), "Did you mean 'slow'?"), (("--case", "Con"), "Did you mean 'con'?"),
    (("--limit", 0), "not in the range"),
])
def test_an_unknown_wish_is_refused_with_the_choices(
    run: Path, tmp_path: Path, words: tuple[Any, ...], said: str
) -> None:
    assert said in refused(run, tmp_path / "site", *words)
    assert not list(tmp_path.iterdir())


def test_site_flags_belong_to_sites_and_a_site_needs_a_folder(run: Path) -> None:
    for words in (("--case", "con"), ("--limit", 1), ("--title", "x"), ("--with-prompts",)):
        result = clinic("export", run, "--format", "csv", *words)
        assert result.exit_code == 2 and "works with --format site only" in result.output
    assert "name it with -o" in clinic("export", run, "--format", "site").output


def test_long_lists_go_on_on_further_pages(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PER_PAGE", 3)
    target = export(run, tmp_path / "site")
    assert (target / "cases-2.html").is_file() and not (target / "cases-3.html").exists()
    linked = [{link["href"] for link in Read(target / name).all("a") if link["href"].startswith("c/")}
              for name in ("index.html", "cases-2.html")]
    assert [len(one) for one in linked] == [3 * 6, 6] and not linked[0] & linked[1]
    test_every_address_leads_to_something_on_the_site(target)


def test_prompts_are_there_only_when_asked_for(own: Path) -> None:
    described = json.loads((own / "run.json").read_text("utf-8"))
    described["batch"]["doctors"]["slow"] = {
        "backend": "chat", "model": "m", "base_url": "http://127.0.0.1:9/v1"}
    (own / "run.json").write_text(json.dumps(described), "utf-8")

    def as_model(record: dict[str, Any]) -> None:
        for turn in record["turns"]:
            if turn["role"] == "doctor" and record["key"]["doctor"] == "slow":
                turn["backend"] = "chat"

    change(own, as_model)
    without = export(own, own.parent / "without")
    assert not (without / "prompts").exists()
    assert all(">prompt<" not in path.read_text("utf-8") for path in pages(without))
    target = export(own, own.parent / "site", "--with-prompts")
    spoken = [(record, turn) for record in read_consultations(own) for turn in record.turns
              if turn.role == "doctor" and record.key.doctor == "slow"]
    assert len(list((target / "prompts").rglob("*.html"))) == len(spoken) > 0
    for record, turn in spoken:
        page = Read(target / names.prompt(KeyId(record.key.case, record.key.doctor, record.key.trial), turn.index))
        assert turn.text in page.words and any(record.turns[0].text in word for word in page.words)
    test_every_address_leads_to_something_on_the_site(target)


def test_an_old_site_is_replaced_whole(site: Path, own: Path) -> None:
    target = export(own, own.parent / "site", "--case", "con", "--title", "Before")
    assert len(hashes(export(own, target))) == len(hashes(site)) and hashes(target) == hashes(site)
    assert sorted(path.name for path in own.parent.iterdir()) == ["run", "site"]


def test_what_is_no_site_of_ours_is_never_replaced(run: Path, own: Path, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("x")
    site = export(run, tmp_path / "site", "--case", "con")
    (tmp_path / "link").symlink_to(site)
    for name, said in (("notes", "no site made by clinic export"), ("file", "is not a folder"),
                       ("link", "is not a folder"), ("run", "no site made by clinic export")):
        before = hashes(tmp_path)
        assert said in refused(run, tmp_path / name)
        assert hashes(tmp_path) == before
    (site / ".git").mkdir()
    assert ".git" in refused(run, site)
    assert (site / ".git").is_dir()
    (tmp_path / "empty").mkdir()
    assert (export(run, tmp_path / "empty", "--case", "con") / "index.html").is_file()


def test_a_kill_in_the_middle_leaves_the_old_site(own: Path) -> None:
    target, partial = own.parent / "site", own.parent / ".site.partial"
    before = hashes(export(own, target, "--case", "con"))
    command = [sys.executable, "-m", "simulator", "export", str(own), "--format", "site", "-o", str(target)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(partial.glob("c/*/*.html")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    assert partial.is_dir() and not (partial / "index.html").exists()
    assert hashes(target) == before
    assert len(hashes(export(own, target))) > len(before) and not partial.exists()


def test_an_error_in_the_middle_leaves_the_old_site_and_a_lost_one_is_put_back(run: Path, tmp_path: Path) -> None:
    target = export(run, tmp_path / "site", "--case", "con")
    before = hashes(target)
    target.rename(tmp_path / ".site.before")  # as a kill between the two renames leaves it
    with pytest.raises(ZeroDivisionError), new_site(target, {}) as top:
        (top / "index.html").write_text("half")
        raise ZeroDivisionError
    assert hashes(target) == before and [path.name for path in tmp_path.iterdir()] == ["site"]


def test_two_exports_do_not_write_one_site(run: Path, tmp_path: Path) -> None:
    with new_site(tmp_path / "site", {}) as top:
        assert "another export is writing" in refused(run, tmp_path / "site")
        (top / "index.html").write_text("first")
    assert (tmp_path / "site" / "index.html").read_text() == "first"


def test_a_folder_that_cannot_be_written_says_so(run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "cannot write the site" in refused(run, tmp_path / "file" / "site")
    (tmp_path / ".site.partial").symlink_to(tmp_path)
    with pytest.raises(InputError, match="is a link"), new_site(tmp_path / "site", {}):
        (tmp_path / "never").touch()
    assert not (tmp_path / "never").exists()
