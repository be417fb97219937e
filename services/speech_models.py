"""What the servers of published voice models share: texts cut and cleaned, samples as bytes, references as files.

Standard library only at import, Python 3.9 or newer. It knows the speech contract and no model.
"""

from __future__ import annotations

import contextlib
import queue
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CONTROL = re.compile(r"<\|.*?\|>", re.S)
_SENTENCES = re.compile(r".+?(?:[。！？；\n]+\s*|[.!?;]+\s+|$)", re.S)
_CLAUSES = re.compile(r".+?(?:[，、：]+\s*|[,:]+\s+|$)", re.S)
_WORDS = re.compile(r"\S+\s*|\s+")


def cleaned(text: str, marks: str = "") -> str:
    """Return ``text`` without what a tokenizer would take for a control token: ``<|...|>``, and ``marks``.

    Words are data. ``marks`` is a regular expression of what else makes the model obey instead of speak; spaces take
    its place.
    """
    while CONTROL.search(text):  # what is left may make a new one
        text = CONTROL.sub("", text)
    return re.sub(marks, " ", text) if marks else text


def pieces_of(text: str, longest: int) -> list[str]:
    """Return ``text`` in pieces of at most ``longest`` characters, cut at sentences, clauses or words; none is lost."""
    pieces = [""]
    for part in _parts(text, longest):
        if len(pieces[-1]) + len(part) > longest:
            pieces.append("")
        pieces[-1] += part
    return [piece for piece in pieces if any(character.isalnum() for character in piece)]


def _parts(text: str, longest: int) -> Iterator[str]:
    todo = [(text, 0)]
    while todo:
        part, level = todo.pop()
        if len(part) <= longest:
            yield part
        elif level == 3:
            yield from (part[at:at + longest] for at in range(0, len(part), longest))
        else:
            finer = [found for found in (_SENTENCES, _CLAUSES, _WORDS)[level].findall(part) if found]
            todo.extend((one, level + 1) for one in reversed(finer))


def pcm(samples: Any) -> bytes:
    """Return 16-bit little-endian samples of an array or CPU tensor of any shape, nominally within -1 and 1."""
    import numpy as np

    flat = np.nan_to_num(np.asarray(samples, dtype=np.float32).reshape(-1))
    return (np.clip(flat, -1.0, 1.0) * 32_767.0).round().astype("<i2").tobytes()


@contextlib.contextmanager
def as_file(wav: bytes) -> Iterator[str]:
    """Yield the path of a WAV file that holds ``wav`` inside the ``with`` body only."""
    with tempfile.TemporaryDirectory(prefix="clinic-voice-") as folder:
        file = Path(folder) / "reference.wav"
        file.write_bytes(wav)
        yield str(file)


def watched(make: Callable[[], Any]) -> Any:
    """Return ``make()``, or raise what a thread that it started has raised and it waits for in vain.

    Published code loads models in threads and waits for them without a limit; this is only for loading.
    """
    done: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue()
    usual = threading.excepthook

    def hook(failed: threading.ExceptHookArgs) -> None:
        done.put((None, failed.exc_value))
        usual(failed)

    def run() -> None:
        try:
            done.put((make(), None))
        except BaseException as error:  # noqa: BLE001 - handed over to who waits
            done.put((None, error))

    threading.excepthook = hook
    try:
        threading.Thread(target=run, daemon=True).start()
        made, error = done.get()
    finally:
        threading.excepthook = usual
    if error is not None:
        raise error
    return made
