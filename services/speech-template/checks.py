"""What the contract test checks, one function each: it takes a server, returns a sentence, or raises Wrong."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

from check import SECONDS_A_CHARACTER, TEXTS, Answer, NotAsked, Tested, Wrong, buzz, expect, run_together

READY_S = 600.0


def health(server: Tested) -> str:
    """It says who it is, and becomes ready."""
    end = time.monotonic() + READY_S
    while True:
        answer = server.ask("GET", "/health")
        expect(answer.status == 200, f"/health answered {answer.status}")
        card = json.loads(answer.content)
        expect(isinstance(card, dict) and card.get("contract") == 1, "/health does not say contract: 1")
        if card.get("ready") is True:
            break
        expect(not card.get("problem"), f"the server cannot load its model: {card.get('problem')}")
        expect(time.monotonic() < end, f"not ready after {READY_S:g} s")
        time.sleep(0.1)
    expect(isinstance(card.get("name"), str) and card["name"] != "", "name is missing")
    expect(isinstance(card.get("sample_rate_hz"), int) and card["sample_rate_hz"] >= 8000, "sample_rate_hz is missing")
    for key in ("clones", "needs_reference", "streams"):
        expect(isinstance(card.get(key), bool), f"{key} must be true or false")
    languages = card.get("languages")
    expect(isinstance(languages, list) and bool(languages) and set(languages) <= set(TEXTS), "languages: zh, en")
    expect({"wav", "pcm"} <= set(card.get("formats", ())), "formats must have wav and pcm")
    server.card = card
    return f"{card['name']}, {card['sample_rate_hz']} Hz, clones {card['clones']}, streams {card['streams']}"


def speaks(server: Tested) -> str:
    """Every language becomes sound of a sensible length."""
    told = []
    for language in server.card["languages"]:
        text = TEXTS[language][0]
        seconds = _seconds(server, input=text, language=language)
        low, high = (bound * len(text) for bound in SECONDS_A_CHARACTER[language])
        expect(low <= seconds <= high, f"{len(text)} characters of {language} became {seconds:.2f} s")
        told.append(f"{language} {seconds:.2f} s")
    return ", ".join(told)


def repeats(server: Tested) -> str:
    """The same request and seed give the same bytes, asked for one after the other or at once."""
    request = {"input": _text(server), "language": server.language(), "seed": 7}
    once = server.speech(**request).content
    expect(once == server.speech(**request).content, "the same request gave other bytes")
    others = run_together(lambda number: server.speech(**request).content, 4)
    expect(all(other == once for other in others), "the same request gave other bytes when asked four times at once")
    return f"{len(once)} bytes, 6 times"


def raw_samples(server: Tested) -> str:
    """Raw samples (pcm) are the WAV without its header, and the header X-Sample-Rate tells their rate."""
    request = {"input": _text(server), "language": server.language(), "seed": 7}
    raw = server.speech(**request, response_format="pcm")
    expect(raw.headers.get("x-sample-rate") == str(server.card["sample_rate_hz"]), "X-Sample-Rate is missing or wrong")
    expect(raw.content == server.speech(**request).content[44:], "pcm and wav do not hold the same samples")
    return f"{len(raw.content)} bytes"


def streams(server: Tested) -> str:
    """A stream holds all of the sound; where the server does not stream, the sound comes whole."""
    request = {"input": "".join(f"{text} " for text in TEXTS[server.language()]), "language": server.language()}
    whole, answer = server.samples(**request), server.speech(**request, stream=True)
    chunked = answer.headers.get("transfer-encoding") == "chunked"
    expect(chunked == server.card["streams"], f"streams is {server.card['streams']}, the reply says otherwise")
    heard = _heard(server, answer)
    expect(0.7 <= heard / len(whole) <= 1.4, f"streamed {heard} samples, whole {len(whole)}")
    return f"first sound after {answer.first_s:.2f} s" if chunked else "comes whole"


def all_of_a_long_text(server: Tested) -> str:
    """No piece of a long text is lost."""
    language = server.language()
    one = _seconds(server, input=TEXTS[language][0], language=language)
    many = _seconds(server, input=" ".join(TEXTS[language][:1] * 12), language=language)
    expect(many >= 12 * one * 0.6, f"12 times the text of {one:.2f} s became {many:.2f} s only")
    return f"{many:.1f} s"


def speed(server: Tested) -> str:
    """Faster is shorter, or is refused."""
    request = {"input": _text(server), "language": server.language()}
    faster = server.speech(**request, speed=1.5)
    if faster.status == 400:
        faster.error()
        raise NotAsked("speed other than 1 is refused")
    heard, usual = _heard(server, faster), len(server.samples(**request))
    expect(heard < 0.9 * usual, f"speed 1.5 made {usual} samples {heard}")
    return f"{usual} samples become {heard}"


def clones(server: Tested) -> str:
    """Another recording is another voice; a data: URL is as good as base64."""
    request: dict[str, Any] = {"input": _text(server), "language": server.language(), "seed": 7}
    if not server.card["clones"]:
        _refused(server.speech(**request, **server.cloned(0)), 400, "bad_request")
        raise NotAsked("clones is false, and a recording is refused")
    one, other = (server.cloned(number) for number in (0, 1))
    sound = server.speech(**request, **one).content
    expect(sound == server.speech(**request, **one).content, "the same recording gave another sound")
    expect(sound != server.speech(**request, **other).content, "another recording gave the same sound")
    as_url = {**one, "ref_audio": f"data:audio/wav;base64,{one['ref_audio']}"}
    expect(sound == server.speech(**request, **as_url).content, "a data: URL is heard as something else")
    return "two recordings, two voices"


def refuses_bad_recordings(server: Tested) -> str:
    """What is no recording, is too long, or is somewhere else is refused."""
    if not server.card["clones"]:
        raise NotAsked("clones is false")
    good, request = server.cloned(1), {"input": _text(server), "language": server.language()}
    for audio in ("http://127.0.0.1:1/a.wav", "file:///etc/passwd", "/etc/passwd", "%%%"):
        _refused(server.speech(**request, **{**good, "ref_audio": audio}), 400, "bad_request")
    for sound in (b"ID3 no wav", buzz(110.0)[:60], buzz(110.0, 0.1), buzz(110.0, 31.0, 8000)):
        audio = base64.b64encode(sound).decode()
        _refused(server.speech(**request, **{**good, "ref_audio": audio}), 422, "reference_unusable")
    for alone in ({"ref_audio": good["ref_audio"], "ref_text": ""}, {"ref_audio": None, "ref_text": "a"}):
        _refused(server.ask("POST", "/v1/audio/speech", json.dumps({**request, **alone}).encode()), 400, "bad_request")
    return "10 of 10"


def refuses_bad_requests(server: Tested) -> str:
    """What is no request is refused with its reason, and the server lives on."""
    good = {"input": _text(server), "language": server.language(), **(server.cloned(0) if _needs(server) else {})}
    changes: list[tuple[dict[str, Any], int, str]] = [
        *((change, 400, "bad_request") for change in (
            {"input": ""}, {"input": 5}, {"response_format": "exe"}, {"speed": 9}, {"speed": "fast"}, {"seed": "7"},
            {"seed": -1}, {"stream": "yes"}, {"voice": "../../x"},
        )),
        ({"input": "x" * 100_000}, 422, "text_too_long"), ({"language": "tlh"}, 422, "unsupported_language"),
        ({"model": "another"}, 404, "unknown_model"),
    ]
    for change, status, kind in changes:
        _refused(server.ask("POST", "/v1/audio/speech", json.dumps({**good, **change}).encode()), status, kind)
    for body in (b"", b"{", b"[]", b"[" * 100_000, b"\xff\xfe"):
        _refused(server.ask("POST", "/v1/audio/speech", body), 400, "bad_request")
    _refused(server.ask("POST", "/v1/else", b"{}"), 404, "bad_request")
    _refused(server.ask("GET", "/etc/passwd"), 404, "bad_request")
    _refused(server.ask("POST", "/v1/audio/speech", b"{}", Content_Type="text/plain"), 415, "bad_request")
    _refused(server.ask("POST", "/v1/audio/speech", b"", Content_Length="99999999999"), 413, "bad_request")
    server.samples(**good)
    return f"{len(changes) + 9} of {len(changes) + 9}"


def wants_its_key(server: Tested) -> str:
    """A server with a key speaks to nobody without it."""
    if not server.key:
        raise NotAsked("no key was given (--key-env)")
    body = json.dumps({"input": _text(server)}).encode()
    for given in ("", "Bearer wrong", server.key):
        answer = server.ask("POST", "/v1/audio/speech", body, Authorization=given)
        _refused(answer, 401, "unauthorised")
        expect(server.key not in answer.content.decode("utf-8", "replace"), "the refusal tells the key")
    return "3 of 3"


CHECKS: list[Callable[[Tested], str]] = [
    health, speaks, repeats, raw_samples, streams, all_of_a_long_text, speed, clones, refuses_bad_recordings,
    refuses_bad_requests, wants_its_key,
]


def _text(server: Tested) -> str:
    return TEXTS[server.language()][1]


def _needs(server: Tested) -> bool:
    return bool(server.card["needs_reference"])


def _seconds(server: Tested, **request: Any) -> float:
    return len(server.samples(**request)) / float(server.card["sample_rate_hz"])


def _heard(server: Tested, answer: Answer) -> int:
    from check import samples_of

    return len(samples_of(answer, server.card["sample_rate_hz"]))


def _refused(answer: Answer, status: int, kind: str) -> None:
    error = answer.error()
    if (answer.status, error["kind"]) != (status, kind):
        raise Wrong(f"expected {status} {kind}, got {answer.status} {error['kind']}: {error['message']}")
