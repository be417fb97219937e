"""Lines of the AISHELL corpora: speaker lists, transcripts, file lists; it opens no sound."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agents.voices.ages import age_group
from agents.voices.speakers.table import inside
from scenarios.errors import InputError
from scenarios.schema import AgeGroup, Sex

AGE_LETTERS: Final[dict[str, AgeGroup]] = {"A": "少年", "B": "青年", "C": "成年", "D": "老年"}
SEX_WORDS: Final[dict[str, Sex]] = {
    "female": "female", "f": "female", "女": "female", "male": "male", "m": "male", "男": "male",
}
AISHELL3_FILE: Final = re.compile(r"(SSB\d{4})\d{3,6}\.wav")
AISHELL2_UTTERANCE: Final = re.compile(r"[A-Z]([A-Z]\d{4})W\d{1,6}")
"""Channel (I, A, M), speaker (C training, D development, T test), number: ``IC0001W0001``."""
_PINYIN: Final = re.compile(r"[a-z:üv]+[1-5]")
_CHINESE: Final = re.compile(r"[㐀-䶿一-鿿]+")
_LONGEST_LINE: Final = 4_000


@dataclass(frozen=True, slots=True)
class About:
    """What a corpus says of a speaker; None or unknown where it says nothing that is understood."""

    sex: Sex = "unknown"
    age_group: AgeGroup | None = None


@dataclass(frozen=True, slots=True)
class Utterance:
    """One recording as the corpus lists it; ``wav`` is relative to the corpus' folder."""

    name: str
    speaker: str
    wav: str
    text: str


@dataclass
class LeftOut:
    """What was not used, counted by reason, with the first example of each."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, example: str) -> None:
        """Count one."""
        self.counts[reason] += 1
        self.examples.setdefault(reason, example[:120])


def speaker_list(path: Path, left_out: LeftOut) -> dict[str, About]:
    """Read ``spk-info.txt`` (AISHELL-3) or ``spk_info.txt`` (AISHELL-2): speaker, age group, sex, accent.

    The age is a letter A to D (see docs/speakers.md for the years) or years; columns are separated by tabs or blanks.
    """
    speakers: dict[str, About] = {}
    for line in _lines(path):
        if line.startswith("#") or not line.strip():
            continue
        parts = line.split()
        if len(parts) < 3 or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", parts[0]):
            left_out.add("speaker list: line not understood", line)
            continue
        sex = SEX_WORDS.get(parts[2].casefold(), "unknown")
        group = AGE_LETTERS.get(parts[1].upper()) or (age_group(float(parts[1])) if parts[1].isdecimal() else None)
        if sex == "unknown":
            left_out.add("speaker list: sex not known", line)
        if group is None:
            left_out.add("speaker list: age not known", line)
        speakers.setdefault(parts[0], About(sex, group))
    return speakers


def aishell3_content(path: Path, wavs: str, left_out: LeftOut) -> Iterator[Utterance]:
    """Yield from ``content.txt``: file name, tab, then each character followed by its pinyin."""
    for line in _lines(path):
        name, tab, content = line.partition("\t")
        match = AISHELL3_FILE.fullmatch(name.strip())
        if not line.strip():
            continue
        words = [part for part in content.split() if not _PINYIN.fullmatch(part)]
        if not match or not tab or not words:
            left_out.add("transcript: line not understood", line)
            continue
        yield Utterance(name.strip(), match[1], f"{wavs}/{match[1]}/{name.strip()}", "".join(words))


def aishell2_transcripts(path: Path, wavs: str, left_out: LeftOut) -> Iterator[Utterance]:
    """Yield from ``trans.txt``: utterance, tab, text. The wav is where wav.scp has it by convention."""
    for line in _lines(path):
        if not line.strip():
            continue
        parts = line.strip().split(None, 1)
        match = AISHELL2_UTTERANCE.fullmatch(parts[0])
        if not match or len(parts) < 2:
            left_out.add("transcript: line not understood", line)
            continue
        yield Utterance(parts[0], match[1], f"{wavs}/{match[1]}/{parts[0]}.wav", "".join(parts[1].split()))


def listed_files(path: Path, wanted: set[str], left_out: LeftOut) -> dict[str, str]:
    """Return from ``wav.scp`` (utterance, tab, relative path) where the wanted utterances lie."""
    found: dict[str, str] = {}
    for line in _lines(path):
        parts = line.strip().split(None, 1)
        if len(parts) == 2 and parts[0] in wanted:
            if inside(parts[1]):
                found[parts[0]] = parts[1]
            else:
                left_out.add("file list: path leads out of the corpus", line)
    return found


def is_chinese(text: str) -> bool:
    """Return whether ``text`` is Chinese characters alone: then every sound of it is in the text."""
    return bool(_CHINESE.fullmatch(text))


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline=None) as file:
            for line in iter(lambda: file.readline(_LONGEST_LINE), ""):
                yield line.rstrip("\r\n")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
