"""Builds a speaker table from a corpus: a few well fitting recordings of every speaker, always the same ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agents.voices.speakers.corpora import Layout
from agents.voices.speakers.lines import About, LeftOut, Utterance, is_chinese
from agents.voices.speakers.table import LABEL_OF, UNKNOWN, Corpus, GroupLabel, Recording, Speakers
from scenarios.errors import InputError, MissingExtra

SECONDS: Final = (3.0, 10.0)
"""Length of a recording that voices are cloned from: enough to know the voice by, short enough to be read quickly."""
CHARACTERS: Final = (8, 45)
RATE: Final = (2.0, 8.0)
"""Characters a second: outside, the text is most likely not what is said (or there is much silence)."""
LOWEST_HZ: Final = 16_000
_BEST: Final = 22
_SHORTLIST: Final = 60


@dataclass(frozen=True)
class Built:
    """The speakers found, how many utterances were listed, and what was left out and why."""

    corpus: Corpus
    utterances: int
    left_out: LeftOut


def build(
    layout: Layout, *, per_speaker: int = 3, begin: Callable[[int], None] = lambda total: None,
    done: Callable[[], None] = lambda: None,
) -> Built:
    """Return the table of ``layout``'s speakers.

    Of each speaker the utterances whose text is nearest to 22 characters are looked at (at most 60 of them), and of
    those only the files' headers, until ``per_speaker`` fit: 3 to 10 seconds, 2 to 8 characters a second.

    Args:
        layout: the corpus.
        per_speaker: how many recordings of a speaker are kept, at most.
        begin: told the number of speakers.
        done: called after each of them.

    Raises:
        InputError: no speaker is left; says why.
        MissingExtra: soundfile is not installed.
    """
    left_out = LeftOut()
    about = layout.about(left_out)
    listed, short = _shortlists(layout.utterances(left_out), about, left_out)
    where = layout.files({one.name for found in short.values() for one in found}, left_out)
    begin(len(short))
    speakers: Speakers = {}
    for name in sorted(short):
        of = (about or {}).get(name, About())
        group: GroupLabel = of.age_group or UNKNOWN
        if kept := _fitting(layout.root, short[name], where, per_speaker, left_out):
            speakers.setdefault(LABEL_OF[of.sex], {}).setdefault(group, {})[name] = kept
        else:
            left_out.add("speaker: no recording fits", name)
        done()
    for name in sorted(set(about or {}) - set(short)):
        left_out.add("speaker: no usable utterance is listed", name)
    if not speakers:
        raise InputError(_nobody(layout, listed, left_out))
    return Built(Corpus(name=layout.name, root=str(layout.root.resolve()), speakers=speakers), listed, left_out)


def _shortlists(
    utterances: Iterable[Utterance], about: dict[str, About] | None, left_out: LeftOut
) -> tuple[int, dict[str, list[Utterance]]]:
    """Return the number of utterances, and of each speaker the likeliest to fit, best first."""
    found: dict[str, list[Utterance]] = {}
    listed = 0
    for one in utterances:
        listed += 1
        if about is not None and one.speaker not in about:
            left_out.add("utterance: speaker is not in the list of speakers", one.name)
        elif not is_chinese(one.text):
            left_out.add("utterance: text has more than Chinese characters", f"{one.name} {one.text}")
        elif not CHARACTERS[0] <= len(one.text) <= CHARACTERS[1]:
            left_out.add("utterance: text too short or too long", f"{one.name} {one.text}")
        else:
            of_speaker = found.setdefault(one.speaker, [])
            of_speaker.append(one)
            if len(of_speaker) >= 4 * _SHORTLIST:
                of_speaker[:] = _nearest(of_speaker)
    return listed, {name: _nearest(of_speaker) for name, of_speaker in found.items()}


def _nearest(utterances: list[Utterance]) -> list[Utterance]:
    return sorted({one.name: one for one in utterances}.values(), key=_distance)[:_SHORTLIST]


def _distance(one: Utterance) -> tuple[int, str]:
    return abs(len(one.text) - _BEST), one.name


def _fitting(
    root: Path, utterances: list[Utterance], where: dict[str, str], wanted: int, left_out: LeftOut
) -> tuple[Recording, ...]:
    kept: list[Recording] = []
    for one in utterances:
        wav = where.get(one.name, one.wav)
        if reason := why_not(root / wav, one.text):
            left_out.add(f"recording: {reason}", wav)
        else:
            kept.append((wav, one.text))
        if len(kept) == wanted:
            break
    return tuple(kept)


def why_not(path: Path, text: str) -> str:
    """Return why a recording does not fit, '' when it does; only the file's header is read."""
    about = header(path)
    if isinstance(about, str):
        return about
    seconds, rate_hz = about
    if rate_hz < LOWEST_HZ:
        return f"sampled at less than {LOWEST_HZ} Hz"
    if not SECONDS[0] <= seconds <= SECONDS[1]:
        return f"not between {SECONDS[0]:g} and {SECONDS[1]:g} s long"
    if not RATE[0] <= len(text) / seconds <= RATE[1]:
        return "length does not go with the text"
    return ""


def header(path: Path) -> tuple[float, int] | str:
    """Return seconds and sample rate by the file's header, or in words why there are none."""
    try:
        import soundfile
    except ModuleNotFoundError as error:
        raise MissingExtra("reading sound files", "voice") from error
    if not path.is_file():
        return "file is missing"
    try:
        info: Any = soundfile.info(str(path))
    except (soundfile.LibsndfileError, RuntimeError, OSError, ValueError):
        return "file cannot be read as sound"
    return info.frames / info.samplerate, int(info.samplerate)


def _nobody(layout: Layout, listed: int, left_out: LeftOut) -> str:
    packed = any(
        next((layout.root / part / "wav").glob("*.tar.gz"), None) is not None for part in layout.parts
    )
    reasons = "; ".join(f"{reason}: {count}" for reason, count in left_out.counts.most_common(4))
    mend = "unpack the archives in its wav folder (for f in *.tar.gz; do tar xzf $f; done)" if packed else (
        "check that it is the right corpus and that its files are whole"
    )
    return f"{layout.root}: no speaker is left of {listed} utterances ({reasons or 'none is listed'}): {mend}"
