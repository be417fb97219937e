"""The contract test of speech servers: ``python check.py --url http://127.0.0.1:8230`` asks a running one.

It prints what it checked and ends with 0 when all of it holds. Standard library only; a server that speaks like a
recording is best given one (``--reference speech.wav --reference-text "what is said"``), or it gets a buzz.
"""

from __future__ import annotations

import argparse
import array
import base64
import http.client
import io
import json
import math
import os
import sys
import time
import wave
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

TEXTS = {
    "zh": ("我咳嗽三天了，晚上咳得厉害。", "没有发烧。", "昨天开始有点胸闷。"),
    "en": ("I have had a cough for three days.", "There was no fever.", "Since yesterday my chest feels tight."),
}
SECONDS_A_CHARACTER = {"zh": (0.05, 1.5), "en": (0.015, 0.6)}
STREAMED = 0xFFFF_FFFF


class Wrong(Exception):
    """The server does not keep the contract."""


class NotAsked(Exception):
    """The server says that it does not do this, so it was not checked."""


@dataclass
class Answer:
    """What came back: all bytes, and when the first ones did."""

    status: int
    headers: dict[str, str]
    content: bytes
    first_s: float

    def error(self) -> dict[str, Any]:
        """Return the error object. Raises Wrong when the body is not one."""
        try:
            error = json.loads(self.content)["error"]
            if isinstance(error["kind"], str) and isinstance(error["message"], str):
                return dict(error)
        except (ValueError, KeyError, TypeError):
            pass
        raise Wrong(f"status {self.status} without an error of the contract: {self.content[:200]!r}")


@dataclass
class Tested:
    """A server under test; ``card`` is what it says at /health."""

    url: str
    key: str = ""
    reference: tuple[bytes, str] | None = None
    card: dict[str, Any] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send one request and read all of the answer."""
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.netloc, timeout=300)
        sent = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        started = time.monotonic()
        try:
            connection.request(method, parts.path.rstrip("/") + path, body, {**sent, **given})
            reply = connection.getresponse()
            first = reply.read(64)
            first_s = time.monotonic() - started
            told = {name.lower(): value for name, value in reply.getheaders()}
            return Answer(reply.status, told, first + reply.read(), first_s)
        finally:
            connection.close()

    def speech(self, **request: Any) -> Answer:
        """Ask for sound; a server that needs a recording is given one."""
        if self.card.get("needs_reference") and "ref_audio" not in request:
            request |= self.cloned(0)
        return self.ask("POST", "/v1/audio/speech", json.dumps(request).encode())

    def samples(self, **request: Any) -> array.array[int]:
        """Return the samples of a text. Raises Wrong when none came."""
        return samples_of(self.speech(**request), self.card["sample_rate_hz"])

    def cloned(self, number: int) -> dict[str, str]:
        """Return the keys of a reference: the one given, or one of two buzzes of different pitch."""
        given = self.reference if self.reference and number == 0 else (buzz((110.0, 220.0)[number]), TEXTS["en"][0])
        return {"ref_audio": base64.b64encode(given[0]).decode(), "ref_text": given[1]}

    def language(self) -> str:
        """Return a language that the server speaks."""
        return str(self.card["languages"][0])


def buzz(hertz: float, seconds: float = 2.0, rate_hz: int = 16_000) -> bytes:
    """Return a WAV file of a tone with overtones; ``hertz`` is a whole number."""
    turns = [2 * math.pi * hertz * at / rate_hz for at in range(rate_hz)]
    second = array.array("h", (int(6000 * sum(math.sin(turn * over) / over for over in range(1, 6))) for turn in turns))
    samples = (second * math.ceil(seconds))[:int(seconds * rate_hz)]
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return out.getvalue()


def samples_of(answer: Answer, rate_hz: int) -> array.array[int]:
    """Return the samples of an answer in WAV, whose header must be true. Raises Wrong."""
    content = answer.content
    expect(answer.status == 200, f"status {answer.status}: {content[:300]!r}")
    expect(content[:4] == b"RIFF" and content[8:16] == b"WAVEfmt ", "the reply is no WAV")
    channels, rate = int.from_bytes(content[22:24], "little"), int.from_bytes(content[24:28], "little")
    expect((channels, content[34:36]) == (1, b"\x10\0"), "the WAV is not 16-bit mono")
    expect(rate == rate_hz, f"the WAV says {rate} Hz, /health {rate_hz}")
    size = int.from_bytes(content[40:44], "little")
    there = len(content) - 44
    streamed = answer.headers.get("transfer-encoding") == "chunked"
    expect(size == (STREAMED if streamed else there), f"the WAV promises {size} bytes, {there} came")
    samples = array.array("h", content[44:])
    expect(max(map(abs, samples), default=0) > 200, "the sound is silent")
    return samples


def expect(holds: bool, otherwise: str) -> None:
    """Raise Wrong with a sentence unless something holds."""
    if not holds:
        raise Wrong(otherwise)


def main() -> int:
    """Read the command line, run every check, print one line each; return the exit code."""
    from checks import CHECKS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="of the server, without /v1")
    parser.add_argument("--key-env", default="", help="the environment variable that holds the server's key")
    parser.add_argument("--reference", default="", help="a 16-bit WAV of 0.5 to 30 s")
    parser.add_argument("--reference-text", default="", help="what is said in it")
    given = parser.parse_args()
    reference = None
    if given.reference:
        with open(given.reference, "rb") as file:
            reference = (file.read(), given.reference_text)
    server = Tested(given.url, os.environ.get(given.key_env, "") if given.key_env else "", reference)
    return report(server, CHECKS)


def report(server: Tested, checks: list[Callable[[Tested], str]]) -> int:
    """Run the checks in order; return 0 when none found anything."""
    wrong = skipped = 0
    for check in checks:
        started = time.monotonic()
        try:
            verdict, said = "ok", check(server)
        except NotAsked as reason:
            verdict, said, skipped = "--", str(reason), skipped + 1
        except (Wrong, OSError, http.client.HTTPException) as error:
            verdict, said, wrong = "NO", f"{type(error).__name__}: {error}", wrong + 1
        took = f"{time.monotonic() - started:.1f} s"
        sys.stdout.write(f"{verdict}  {check.__name__.replace('_', ' ')}: {said} ({took})\n")
        if not server.card:
            sys.stdout.write("stopped: without /health nothing else can be checked\n")
            return 1
    sys.stdout.write(f"{len(checks) - wrong - skipped} of {len(checks)} checks hold, {skipped} do not apply\n")
    return 1 if wrong else 0


def run_together(work: Callable[[int], Any], times: int) -> list[Any]:
    """Return what ``work`` returns, called so many times at once."""
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(work, range(times)))


if __name__ == "__main__":
    sys.modules["check"] = sys.modules["__main__"]
    sys.exit(main())
