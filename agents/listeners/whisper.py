"""openai-whisper in this process: where its weights lie and how to get them; it decodes nothing itself."""

from __future__ import annotations

import os
from pathlib import Path

from agents.listeners.in_process import InProcessListener, need
from agents.listeners.whisper_decoding import WhisperRecogniser
from agents.listeners.whisper_options import WhisperOptions
from scenarios.errors import InputError

__all__ = ["WhisperListener", "WhisperOptions"]

PUBLISHED = {
    **{name: name for size in ("tiny", "base", "small", "medium") for name in (size, f"{size}.en")},
    **{name: name for name in ("large-v1", "large-v2", "large-v3", "large-v3-turbo")},
    "large": "large-v3", "turbo": "large-v3-turbo",
}
"""Names of published models, and what their files are called."""


class WhisperListener(InProcessListener):
    """Understands sound with openai-whisper.

    Sounds longer than whisper's 30 s are cut where they are quietest, and nothing is left out. Each piece is
    understood by itself: what was misheard before is not context for what follows.
    """

    def __init__(self, options: WhisperOptions) -> None:
        """Find the weights and hash them; raises MissingExtra, or InputError that says how to get them."""
        need(("whisper", "torch", "soxr"), "whisper")
        file = _file_of(options)
        super().__init__(WhisperRecogniser(options, file), options.batch_size, options.batch_wait_ms)


def _file_of(options: WhisperOptions) -> Path:
    """Return the checkpoint's path; nothing is ever downloaded here."""
    name = options.model
    if name not in PUBLISHED:
        if not (file := Path(name).expanduser()).is_file():
            raise InputError(
                f"listener 'whisper', option 'model': there is no file {name}, and no published model has that name. "
                f"Published: {', '.join(sorted(PUBLISHED))}"
            )
        return file
    cache = Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache") / "whisper"
    folder = Path(options.download_root).expanduser() if options.download_root else cache
    file = folder / f"{PUBLISHED[name]}.pt"
    if not file.is_file():
        raise InputError(
            f"listener 'whisper': the weights of {name!r} are not at {file}, and nothing is downloaded unasked. "
            f"Get them once with: python -c \"import whisper; whisper.load_model({name!r}, "
            f"download_root={str(folder)!r}, device='cpu')\""
        )
    return file
