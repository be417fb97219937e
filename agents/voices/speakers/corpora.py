"""Where the AISHELL corpora keep what, in their own published folders; it chooses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from agents.voices.speakers.lines import (
    About,
    LeftOut,
    Utterance,
    aishell2_transcripts,
    aishell3_content,
    listed_files,
    speaker_list,
)
from scenarios.errors import InputError

CorpusName = Literal["aishell2", "aishell3", "aishell2018a-eval"]
Channel = Literal["iOS", "Android", "Mic"]
SETS: Final = ("train", "dev", "test")


@dataclass(frozen=True)
class Layout:
    """A corpus as found: its ``root``, and the folders below it ('' is the root itself) that hold transcripts.

    ``speakers`` is the list of speakers, None when the corpus has none.
    """

    name: CorpusName
    root: Path
    parts: tuple[str, ...]
    speakers: Path | None

    def about(self, left_out: LeftOut) -> dict[str, About] | None:
        """Return what is known of the speakers, None when there is no list of them."""
        return None if self.speakers is None else speaker_list(self.speakers, left_out)

    def utterances(self, left_out: LeftOut) -> Iterator[Utterance]:
        """Yield all utterances that are listed."""
        for part in self.parts:
            wavs = f"{part}/wav" if part else "wav"
            if self.name == "aishell3":
                yield from aishell3_content(self.root / part / "content.txt", wavs, left_out)
            else:
                yield from aishell2_transcripts(self.root / part / "trans.txt", wavs, left_out)

    def files(self, wanted: set[str], left_out: LeftOut) -> dict[str, str]:
        """Return where wav.scp says that the wanted utterances lie; the others are where the convention has them."""
        found: dict[str, str] = {}
        for part in self.parts:
            if (listed := self.root / part / "wav.scp").is_file():
                for name, wav in listed_files(listed, wanted, left_out).items():
                    found[name] = f"{part}/{wav}" if part else wav
        return found


def find_layout(
    name: CorpusName, folder: Path, *, channel: Channel = "iOS", speakers: Path | None = None
) -> Layout:
    """Return the layout of the corpus in ``folder`` (its top folder, or the one that holds the transcripts).

    Args:
        name: which corpus it is.
        folder: where it was unpacked.
        channel: which of the three parallel recordings of AISHELL-2 and of the evaluation set.
        speakers: a list of speakers, in place of the corpus' own.

    Raises:
        InputError: the files that make the corpus are not there; says which.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: name the one that the corpus was unpacked to")
    find = {"aishell3": _aishell3, "aishell2": _aishell2, "aishell2018a-eval": _evaluation}[name]
    layout = find(folder, channel)
    if speakers is not None:
        return Layout(layout.name, layout.root, layout.parts, speakers)
    if layout.speakers is None and name != "aishell2018a-eval":
        raise InputError(
            f"{layout.root} has no list of speakers (spk_info.txt): unpack the corpus anew, or name one with "
            f"--speakers FILE (speaker, age group A to D or years, sex, accent)"
        )
    return layout


def _aishell3(folder: Path, channel: Channel) -> Layout:
    for root in (folder, folder / "data_aishell3"):
        parts = tuple(part for part in SETS if (root / part / "content.txt").is_file())
        if parts:
            return Layout("aishell3", root, parts, _speaker_list(root))
    raise InputError(f"{folder} is not AISHELL-3: it should hold train/content.txt, test/content.txt, spk-info.txt")


def _aishell2(folder: Path, channel: Channel) -> Layout:
    for inner in ("", "data", f"{channel}/data", f"AISHELL-2/{channel}/data"):
        if ((root := folder / inner) / "trans.txt").is_file():
            return Layout("aishell2", root, ("",), _speaker_list(root))
    raise InputError(
        f"{folder} is not AISHELL-2: it should hold {channel}/data with trans.txt, wav.scp, spk_info.txt and wav/"
    )


def _evaluation(folder: Path, channel: Channel) -> Layout:
    for inner in ("", channel, f"AISHELL-DEV-TEST-SET/{channel}"):
        root = folder / inner
        parts = tuple(part for part in ("dev", "test") if (root / part / "trans.txt").is_file())
        if parts:
            return Layout("aishell2018a-eval", root, parts, _speaker_list(root))
    if (folder / "trans.txt").is_file():
        return Layout("aishell2018a-eval", folder, ("",), _speaker_list(folder))
    raise InputError(
        f"{folder} is not AISHELL-2018A-EVAL: it should hold {channel}/dev and {channel}/test (unpack dev.tar.gz and "
        f"test.tar.gz) with trans.txt, wav.scp and wav/"
    )


def _speaker_list(root: Path) -> Path | None:
    return next((root / name for name in ("spk_info.txt", "spk-info.txt") if (root / name).is_file()), None)
