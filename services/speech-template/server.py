"""Template of a speech server: fill in the class ``Espeak`` with a model of your own.

As it stands it speaks with espeak-ng, so that the way from the clinic to here can be tried before there are weights;
of a reference recording it takes the pitch and nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from speech_contract import Refused, Voice  # noqa: E402
from speech_service import serve  # noqa: E402


class Espeak(Voice):
    """Your model. This one is espeak-ng, a process a text."""

    name = "espeak"
    sample_rate_hz = 22_050
    clones = True
    streams = True
    parallel = 2

    def load(self) -> None:
        """Load weights; runs once, beside the server, which reports ``ready: false`` meanwhile."""
        import espeak

        self.espeak = espeak
        espeak.find_library()

    def speak(self, request: dict[str, Any]) -> Iterator[bytes]:
        """Yield the sound of the whole text, in pieces of 16-bit little-endian mono samples.

        ``request["input"]`` is the text, ``["language"]`` "zh" or "en", ``["ref_audio"]`` a WAV file as bytes or
        None, ``["ref_text"]`` what is said in it. Seed every sampler with ``request["seed"]``.
        """
        if request["voice"] not in self.espeak.VARIANTS:
            raise Refused(400, "bad_request", f"voice must be one of {', '.join(sorted(self.espeak.VARIANTS))}")
        yield from self.espeak.speak(
            request["input"], request["language"], voice=request["voice"], speed=request["speed"],
            reference=request["ref_audio"],
        )


if __name__ == "__main__":
    serve(Espeak(), 8230)
