"""Writes a conversation for people: a text of what was said, or the sound of the last answer."""

from __future__ import annotations

import os
from pathlib import Path

from agents.sound.wave import wav_bytes
from scenarios.errors import InputError
from simulator.talking.texts import text
from simulator.talking.transcript import Transcript
from simulator.terminal.harmless import harmless


def save(transcript: Transcript, where: str) -> Path:
    """Write ``where`` (.md, .txt or .wav; '' for talk.md in the conversation's folder) and return it; blocks.

    Raises:
        InputError: another kind of file, nothing to save, or it cannot be written.
    """
    path = Path(where).expanduser() if where else transcript.folder / "talk.md"
    kind = path.suffix.lower()
    if kind not in (".md", ".txt", ".wav"):
        raise InputError(
            f"/save writes .md or .txt (what was said) or .wav (the doctor's last answer), not {path.name!r}")
    content = _sound(transcript) if kind == ".wav" else _words(transcript).encode("utf-8", "replace")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"cannot write {path}: {error.strerror}") from error
    return path


def _sound(transcript: Transcript) -> bytes:
    spoken = [line for line in transcript.turns if line.role == "doctor" and line.audio]
    sound = transcript.sound_of(spoken[-1]) if spoken else None
    if sound is None:
        raise InputError("the doctor has not been heard yet")
    return wav_bytes(sound)


def _words(transcript: Transcript) -> str:
    about, language = transcript.about, transcript.about.language
    lines = [f"# {_escaped(about.model or about.where)}", "", about.began, ""]
    for line in transcript.turns:
        heard = f" ([{line.audio.seconds:.1f} s]({line.audio.path}))" if line.audio else ""
        lines += [f"**{line.number} {text(language, line.role)}**{heard} {_escaped(line.text)}".rstrip(), ""]
    return "\n".join(lines)


def _escaped(said: str) -> str:
    """Return words that Markdown shows as they are."""
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>#|~!&" else char for char in harmless(said))
