"""Takes the sounds that turns refer to from one shelf to another; it knows neither sessions nor runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from agents.sound.shelf import SoundShelf
from scenarios.errors import AgentFailure
from scenarios.schema import AudioRef, Turn


def with_sounds(turns: Sequence[Turn], source: SoundShelf, target: SoundShelf) -> tuple[Turn, ...]:
    """Return ``turns`` after their sounds were copied; blocks.

    What the turns say of files is data: a sound that is gone, none, or outside of the source's folder stays away, and
    its turn as it is. Raises RunFolderError when the target cannot be written.
    """
    done: dict[str, AudioRef] = {}

    def copied(ref: AudioRef | None) -> AudioRef | None:
        if ref is not None and ref.path not in done:
            done[ref.path] = _copied(ref, source, target)
        return None if ref is None else done[ref.path]

    return tuple(
        turn.model_copy(update={"audio": copied(turn.audio), "heard_audio": copied(turn.heard_audio)})
        if turn.audio or turn.heard_audio else turn
        for turn in turns
    )


def _copied(ref: AudioRef, source: SoundShelf, target: SoundShelf) -> AudioRef:
    try:
        sound, content = source.get(ref), source.place(ref).read_bytes()
    except (AgentFailure, OSError):
        return ref
    if PurePosixPath(ref.path).suffix == ".wav":
        return target.put_bytes(content, ref.sample_rate_hz, ref.seconds)
    return target.put(sound)  # of another kind: as WAV, which everybody here reads
