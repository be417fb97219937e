"""The table of reference speakers: sex, age group, speaker, recordings; who speaks for a patient; it makes no sound."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints, ValidationError, field_validator

from agents.protocols import SpeakerCard
from agents.voices.ages import age_group, nearest_groups
from scenarios.errors import InputError
from scenarios.schema import AgeGroup, Frozen, Sex

MAX_BYTES: Final = 256_000_000
UNKNOWN: Final = "未知"
SexLabel = Literal["男", "女", "未知"]
GroupLabel = Literal["少年", "青年", "成年", "老年", "未知"]
SEX_OF: Final[dict[SexLabel, Sex]] = {"男": "male", "女": "female", "未知": "unknown"}
LABEL_OF: Final[dict[Sex, SexLabel]] = {sex: label for label, sex in SEX_OF.items()}

SpeakerName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
WavPath = Annotated[str, StringConstraints(min_length=1, max_length=500)]
SaidText = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Recording = tuple[WavPath, SaidText]
"""Path of a wav file below the root, and the words spoken in it."""
Speakers = dict[SexLabel, dict[GroupLabel, dict[SpeakerName, tuple[Recording, ...]]]]


def inside(path: str) -> bool:
    """Return whether ``path`` is relative and stays below where it starts, as text alone."""
    return not (
        path.startswith(("/", "\\", "~")) or "\\" in path or "\0" in path or ":" in path.split("/")[0]
        or ".." in PurePosixPath(path).parts
    )


class Corpus(Frozen):
    """Speakers of one corpus. ``root`` is the folder that wav paths start from; a relative one, from the table's."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    root: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    speakers: Speakers

    @field_validator("speakers")
    @classmethod
    def _wavs_stay_inside(cls, speakers: Speakers) -> Speakers:
        for label, group, speaker, recordings in rows(speakers):
            if not recordings:
                raise ValueError(f"{label} {group} {speaker} has no recording")
            for wav, _ in recordings:
                if not inside(wav):
                    raise ValueError(f"{speaker}: {wav!r} must be a relative path without '..'")
        return speakers


class TableFile(Frozen):
    """What a table file holds."""

    format: Literal["clinic-speakers-1"] = "clinic-speakers-1"
    corpora: tuple[Corpus, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Reference:
    """A recording to speak like; ``text`` is what is said in it. ``age_group`` is None where it is not recorded."""

    speaker: str
    wav: Path
    text: str
    sex: Sex
    age_group: AgeGroup | None


@dataclass(frozen=True, slots=True)
class Speaker:
    """One speaker and the recordings there are, best first; ``name`` starts with the corpus: ``aishell3/SSB0005``."""

    name: str
    sex: Sex
    age_group: AgeGroup | None
    root: Path
    recordings: tuple[Recording, ...]

    def reference(self, number: int = 0) -> Reference:
        """Return a recording. Raises InputError when its path, links followed, leaves the root."""
        wav, text = self.recordings[number % len(self.recordings)]
        try:
            root = self.root.resolve()
            place = (root / wav).resolve()
            stays = place.is_relative_to(root)
        except (OSError, RuntimeError) as error:
            raise InputError(f"speaker {self.name}: {wav!r} is not a usable path: {error}") from error
        if not stays:
            raise InputError(
                f"speaker {self.name}: {wav!r} leads out of {self.root} through a link: build the table from the "
                f"folder that the link leads to"
            )
        return Reference(self.name, place, text, self.sex, self.age_group)


class SpeakerTable:
    """Speakers to choose from. Equal tables and equal cards choose the same speaker and recording."""

    def __init__(self, speakers: Iterable[Speaker]) -> None:
        """Sort the speakers. Raises InputError when there are none."""
        self.speakers: tuple[Speaker, ...] = tuple(sorted(speakers, key=lambda one: one.name))
        if not self.speakers:
            raise InputError("the speaker table holds no speaker")
        pools: dict[tuple[Sex | None, AgeGroup | None], list[Speaker]] = {}
        for one in self.speakers:
            for sex in (one.sex, None):
                for group in {one.age_group, None}:
                    pools.setdefault((sex, group), []).append(one)
        self._pools = {key: tuple(pool) for key, pool in pools.items()}
        self.fingerprint = _fingerprint(self.speakers)

    @classmethod
    def load(cls, path: Path | str) -> SpeakerTable:
        """Read a table file, or a ``spk_info.json`` of SpeechMedAssist (whose wav paths then start at its folder).

        Raises:
            InputError: missing, no JSON, of another shape, or a wav path that leaves its root.
        """
        path = Path(path)
        return cls(_speakers(read_table(path), path.resolve().parent))

    def choose(self, card: SpeakerCard) -> Reference:
        """Return who speaks for ``card``: the same for all turns of a consultation, spread evenly over speakers.

        The first of these that holds anybody: the sex and age group; the same sex in the nearest other group (of two
        the older); anybody of the sex. Then the same again for both sexes together, which is also where a card of
        unknown sex begins. A card of unknown age is matched by sex alone.
        """
        pool = next(pool for key in _wanted(card) if (pool := self._pools.get(key)))
        at, take = _draws(card)
        return pool[at % len(pool)].reference(take)


def read_table(path: Path) -> TableFile:
    """Return what a table file holds, checked; see SpeakerTable.load."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB: that is no speaker table")
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"no speaker table at {path} ({error.strerror}): make one with `clinic speakers build`"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    try:
        if isinstance(content, dict) and content and set(content) <= set(SEX_OF):
            content = {"corpora": [{"name": "reference", "root": ".", "speakers": _trimmed(content)}]}
        return TableFile.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = " -> ".join(str(part) for part in first["loc"])
        raise InputError(
            f"{path} is no speaker table: {where}: {first['msg']} ({error.error_count()} problems); build it with "
            f"`clinic speakers build`"
        ) from error


def write_table(path: Path, table: TableFile) -> None:
    """Write a table file, whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(json.dumps(table.model_dump(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    os.replace(part, path)


def rows(speakers: Speakers) -> Iterator[tuple[SexLabel, GroupLabel, str, tuple[Recording, ...]]]:
    """Yield sex, age group, speaker and recordings, in the table's order."""
    for label, groups in speakers.items():
        for group, named in groups.items():
            for speaker, recordings in named.items():
                yield label, group, speaker, recordings


def _speakers(table: TableFile, folder: Path) -> Iterator[Speaker]:
    for corpus in table.corpora:
        root = folder / corpus.root
        seen: set[str] = set()
        for label, group, name, recordings in sorted(rows(corpus.speakers), key=lambda row: row[0] == UNKNOWN):
            if name not in seen:
                seen.add(name)
                known: AgeGroup | None = None if group == "未知" else group
                yield Speaker(f"{corpus.name}/{name}", SEX_OF[label], known, root, recordings)


def _trimmed(content: dict[str, Any]) -> dict[str, Any]:
    """Return the reference's table without leading ``./`` of paths, speakers without recordings, empty texts."""

    def speakers(named: Any) -> Any:
        kept = {name: _recordings(said) for name, said in named.items()} if isinstance(named, dict) else named
        return {name: said for name, said in kept.items() if said} if isinstance(kept, dict) else kept

    return {
        sex: {group: speakers(named) for group, named in groups.items()} if isinstance(groups, dict) else groups
        for sex, groups in content.items()
    }


def _recordings(said: Any) -> Any:
    """Return the pairs of path and text that have a text; what is no list of pairs is left to the check."""
    if not isinstance(said, list):
        return said
    return [
        [one[0].removeprefix("./"), one[1]] if _is_pair(one) else one
        for one in said if not (_is_pair(one) and not one[1].strip())
    ]


def _is_pair(one: Any) -> bool:
    return isinstance(one, list) and len(one) == 2 and all(isinstance(part, str) for part in one)


def _wanted(card: SpeakerCard) -> Iterator[tuple[Sex | None, AgeGroup | None]]:
    group = card.age_group or age_group(card.age_years)
    sexes: tuple[Sex | None, ...] = (None,) if card.sex == "unknown" else (card.sex, None)
    for sex in sexes:
        if group is not None:
            yield from ((sex, near) for near in nearest_groups(group))
        yield sex, None


def _draws(card: SpeakerCard) -> tuple[int, int]:
    about = f"{card.seed}\0{card.name}\0{card.sex}\0{card.age_group or age_group(card.age_years)}"
    digest = hashlib.sha256(about.encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8]), int.from_bytes(digest[8:16])


def _fingerprint(speakers: tuple[Speaker, ...]) -> str:
    digest = hashlib.sha256()
    for one in speakers:
        digest.update(json.dumps([one.name, one.sex, one.age_group, one.recordings]).encode())
    return digest.hexdigest()[:16]
