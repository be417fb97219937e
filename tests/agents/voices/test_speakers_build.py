"""Speaker tables from corpora in AISHELL's own layouts, with what is broken in them counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.voices.speakers.building import Built, build
from agents.voices.speakers.corpora import CorpusName, find_layout
from scenarios.errors import InputError
from tests.agents.voices.aishell import SENTENCE, aishell2_set, aishell3, write_wav

SPEAKERS = {"SSB0005": ("B", "female"), "SSB0009": ("A", "male"), "SSB0011": ("C", "female"), "SSB0016": ("D", "male")}


def built(name: CorpusName, root: Path, per_speaker: int = 3) -> Built:
    return build(find_layout(name, root), per_speaker=per_speaker)


def add_line(path: Path, line: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")


def test_aishell3_both_sets_by_sex_and_age_with_the_characters_alone(tmp_path: Path) -> None:
    aishell3(tmp_path, SPEAKERS)
    corpus = built("aishell3", tmp_path, per_speaker=2).corpus
    assert {sex: {group: list(named) for group, named in groups.items()} for sex, groups in corpus.speakers.items()} \
        == {"女": {"青年": ["SSB0005"], "成年": ["SSB0011"]}, "男": {"少年": ["SSB0009"], "老年": ["SSB0016"]}}
    recordings = corpus.speakers["女"]["青年"]["SSB0005"]
    assert recordings == (
        ("test/wav/SSB0005/SSB00050001.wav", SENTENCE), ("test/wav/SSB0005/SSB00050002.wav", SENTENCE)
    )
    assert all((Path(corpus.root) / wav).is_file() for wav, _ in recordings)


def test_the_same_corpus_gives_the_same_table_whatever_the_order_of_its_lines(tmp_path: Path) -> None:
    aishell3(tmp_path, SPEAKERS)
    first = built("aishell3", tmp_path).corpus
    for part in ("train", "test"):
        content = tmp_path / part / "content.txt"
        content.write_text("\n".join(reversed(content.read_text(encoding="utf-8").splitlines())), encoding="utf-8")
    assert built("aishell3", tmp_path).corpus.model_dump_json() == first.model_dump_json()


def test_the_unpacked_archive_s_own_folder_is_found(tmp_path: Path) -> None:
    aishell3(tmp_path / "data_aishell3", SPEAKERS)
    assert find_layout("aishell3", tmp_path).root == tmp_path / "data_aishell3"


def test_everything_broken_is_counted_and_nothing_crashes(tmp_path: Path) -> None:
    aishell3(tmp_path, {"SSB0005": ("B", "female"), "SSB0006": ("C", "male")})
    wavs, content = tmp_path / "test/wav/SSB0005", tmp_path / "test/content.txt"
    (wavs / "SSB00050001.wav").unlink()
    (wavs / "SSB00050002.wav").write_bytes(b"no sound at all")
    write_wav(wavs / "SSB00050003.wav", 12.0)
    spoken = " ".join(f"{character} jin1" for character in SENTENCE)
    for line in (
        "", "no tab at all", "../../etc/passwd\t" + spoken, "SSB99990001.wav\t" + spoken,
        "SSB00050005.wav\t短 duan3", f"SSB00050006.wav\t{spoken} PPT PPT", "SSB00050007.wav\t" + "\ufffd\ufffd" * 3000,
    ):
        add_line(content, line)
    add_line(tmp_path / "spk-info.txt", "SSB0777")
    add_line(tmp_path / "spk-info.txt", "SSB0778\tX\tneither\tnorth")
    done = built("aishell3", tmp_path)
    assert [wav for wav, _ in done.corpus.speakers["女"]["青年"]["SSB0005"]] == ["test/wav/SSB0005/SSB00050004.wav"]
    for reason, count in {
        "recording: file is missing": 1, "recording: file cannot be read as sound": 1,
        "recording: not between 3 and 10 s long": 1, "utterance: speaker is not in the list of speakers": 1,
        "utterance: text too short or too long": 1, "speaker list: line not understood": 1,
        "speaker list: sex not known": 1, "speaker list: age not known": 1, "speaker: no usable utterance is listed": 1,
    }.items():
        assert done.left_out.counts[reason] == count, reason
    assert done.left_out.counts["transcript: line not understood"] >= 2
    assert done.left_out.counts["utterance: text has more than Chinese characters"] >= 1


@pytest.mark.parametrize("given", ["", "iOS", "iOS/data"])
def test_aishell2_from_any_of_its_folders(tmp_path: Path, given: str) -> None:
    data = aishell2_set(tmp_path / "iOS" / "data", ["C0001", "C0002"])
    (data / "spk_info.txt").write_text("C0001\tC\tFemale\tNorth\nC0002\tB\tMale\tSouth\n", encoding="utf-8")
    corpus = built("aishell2", tmp_path / given).corpus
    assert list(corpus.speakers["女"]["成年"]) == ["C0001"]
    assert list(corpus.speakers["男"]["青年"]) == ["C0002"]
    assert corpus.speakers["男"]["青年"]["C0002"][0] == ("wav/C0002/IC0002W0001.wav", SENTENCE)


def test_aishell2_follows_wav_scp_but_never_out_of_the_corpus(tmp_path: Path) -> None:
    data = aishell2_set(tmp_path / "iOS" / "data", ["C0001"])
    (data / "spk_info.txt").write_text("C0001 C Female North\n", encoding="utf-8")
    write_wav(data / "moved" / "one.wav", 4.0)
    write_wav(tmp_path / "outside.wav", 4.0)
    (data / "wav.scp").write_text(
        "IC0001W0001\tmoved/one.wav\nIC0001W0002\t../../outside.wav\nIC0001W0003\t/etc/hosts\n", encoding="utf-8"
    )
    done = built("aishell2", tmp_path)
    assert [wav for wav, _ in done.corpus.speakers["女"]["成年"]["C0001"]] == [
        "moved/one.wav", "wav/C0001/IC0001W0002.wav", "wav/C0001/IC0001W0003.wav",
    ]
    assert done.left_out.counts["file list: path leads out of the corpus"] == 2


def test_the_evaluation_set_has_no_speaker_list_so_sex_and_age_are_unknown(tmp_path: Path) -> None:
    root = tmp_path / "AISHELL-DEV-TEST-SET"
    aishell2_set(root / "iOS" / "dev", ["D0012"])
    aishell2_set(root / "iOS" / "test", ["T0011"])
    aishell2_set(root / "Mic" / "test", ["T0011"], channel="M")
    corpus = built("aishell2018a-eval", tmp_path).corpus
    assert {sex: {group: list(named) for group, named in groups.items()} for sex, groups in corpus.speakers.items()} \
        == {"未知": {"未知": ["D0012", "T0011"]}}
    assert corpus.speakers["未知"]["未知"]["D0012"][0][0] == "dev/wav/D0012/ID0012W0001.wav"
    over_the_microphone = build(find_layout("aishell2018a-eval", root, channel="Mic")).corpus
    assert over_the_microphone.speakers["未知"]["未知"]["T0011"][0][0] == "test/wav/T0011/MT0011W0001.wav"


def test_a_list_of_speakers_of_one_s_own_names_sex_and_age_in_years(tmp_path: Path) -> None:
    aishell2_set(tmp_path / "iOS" / "test", ["T0011", "T0012"])
    listed = tmp_path / "mine.txt"
    listed.write_text("T0011\t64\t女\nT0012\t16\tm\n", encoding="utf-8")
    corpus = build(find_layout("aishell2018a-eval", tmp_path, speakers=listed)).corpus
    assert list(corpus.speakers["女"]["老年"]) == ["T0011"]
    assert list(corpus.speakers["男"]["少年"]) == ["T0012"]


def test_a_text_that_cannot_be_said_in_the_time_and_a_telephone_recording_are_left_out(tmp_path: Path) -> None:
    aishell3(tmp_path, {"SSB0005": ("B", "female")}, utterances=3)
    write_wav(tmp_path / "test/wav/SSB0005/SSB00050001.wav", 9.5)
    write_wav(tmp_path / "test/wav/SSB0005/SSB00050002.wav", 4.0, rate_hz=8_000)
    done = built("aishell3", tmp_path)
    assert [wav[-8:] for wav, _ in done.corpus.speakers["女"]["青年"]["SSB0005"]] == ["0003.wav"]
    assert done.left_out.counts["recording: length does not go with the text"] == 1
    assert done.left_out.counts["recording: sampled at less than 16000 Hz"] == 1


@pytest.mark.parametrize(("name", "words"), [
    ("aishell3", "train/content.txt"), ("aishell2", "trans.txt"), ("aishell2018a-eval", "test.tar.gz"),
])
def test_another_folder_is_refused_with_what_should_be_in_it(tmp_path: Path, name: CorpusName, words: str) -> None:
    with pytest.raises(InputError, match=words):
        find_layout(name, tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        find_layout(name, tmp_path / "missing")


def test_archives_that_are_still_packed_are_named(tmp_path: Path) -> None:
    data = aishell2_set(tmp_path / "iOS" / "data", ["C0001"])
    (data / "spk_info.txt").write_text("C0001\tC\tFemale\tNorth\n", encoding="utf-8")
    for wav in (data / "wav" / "C0001").iterdir():
        wav.unlink()
    (data / "wav" / "C0001.tar.gz").write_bytes(b"packed")
    with pytest.raises(InputError, match="unpack the archives"):
        built("aishell2", tmp_path)
