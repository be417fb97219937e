"""Which backends and options a request may name: none that reads a file, loads weights or sends a key somewhere.

What is not listed here is refused, so that a new option or a plug-in is closed until somebody has thought about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from agents import catalog
from scenarios.errors import InputError, UnknownName
from scenarios.rubric_file import shipped_rubrics
from scenarios.schema import BackendRef, Batch, LibraryCases
from simulator.session import HUMAN

EVERYTHING = frozenset({"*"})
MODEL = frozenset({
    "model", "base_url", "temperature", "top_p", "max_tokens", "schema_by", "rereads", "stream", "timeout_s",
    "total_timeout_s", "retries", "patience_s", "max_concurrency", "price",
})
SERVER = frozenset({
    "model", "base_url", "timeout_s", "total_timeout_s", "retries", "patience_s", "max_concurrency",
})
HABITS = frozenset({"system", "roles", "history", "labels", "intake", "last_word", "ask_requests", "strip"})
RUBRIC = frozenset({"rubric", "record"})
FACTORIES: Mapping[str, frozenset[str]] = {
    "agents.doctors.history_taker:HistoryTaker": EVERYTHING,
    "agents.doctors.checklist:Checklist": EVERYTHING,
    "agents.doctors.one_shot:OneShot": EVERYTHING,
    "agents.doctors.scripted:ScriptedDoctor": EVERYTHING,
    "agents.doctors.chat:ChatDoctor": MODEL | HABITS,
    "agents.doctors.audio_chat:AudioChatDoctor": MODEL | HABITS | {
        "audio_part", "also_text", "beside_sound", "speak", "voice", "speak_stream", "audio_format", "max_spoken_s",
    },
    "agents.doctors.process:ProcessDoctor": frozenset({
        "model", "url", "send_audio", "also_text", "speak", "max_spoken_s", "timeout_s", "total_timeout_s", "retries",
        "patience_s", "max_concurrency",
    }),
    "agents.voices.espeak:EspeakVoice": frozenset({"voice", "pitch", "pitch_range", "words_a_minute", "speed"}),
    "agents.voices.openai_speech:SpeechServerVoice": SERVER | {"voice", "voices", "instructions", "speed", "stream"},
    "agents.listeners.transcript:TranscriptListener": EVERYTHING,
    "agents.listeners.openai_transcription:TranscriptionServerListener": SERVER | {"language", "temperature"},
    "agents.patients.agenda:AgendaPatient": EVERYTHING,
    "agents.patients.scripted:ScriptedPatient": EVERYTHING,
    "agents.patients.llm:LLMPatient": MODEL | {"profile", "opening_limit", "reply_limit", "reasks"},
    "agents.examiners.record:RecordExaminer": EVERYTHING,
    "agents.examiners.scripted:ScriptedExaminer": EVERYTHING,
    "agents.judges.rubric:RubricJudge": EVERYTHING,
    "agents.judges.scripted:ScriptedJudge": EVERYTHING,
    "agents.judges.llm:LLMJudge": MODEL | RUBRIC,
    "agents.judges.reference:ReferenceJudge": MODEL,
    "agents.judges.panel:PanelJudge": RUBRIC | {"members"},
    "agents.judges.pairwise:PairwiseReferee": MODEL | RUBRIC,
}
MEMBER = MODEL | {"name"}
ADDRESSES = ("base_url", "url")
ELSEWHERE = "Start it from a batch file: clinic run FILE, or clinic view --batch FILE"


def check_batch(batch: Batch) -> None:
    """Check a batch that came with a request.

    Raises:
        InputError: it names something a request may not name; the message begins with the key, ``doctors.quick.url``.
    """
    for place, source in enumerate(batch.cases):
        if not isinstance(source, LibraryCases):
            raise InputError(f"cases.{place}: a request may name shipped cases only, {{library: zh}}. {ELSEWHERE}")
    for name, doctor in batch.doctors.items():
        check_ref("doctor", doctor, f"doctors.{name}")
    check_ref("patient", batch.patient, "patient")
    check_ref("examiner", batch.examiner, "examiner")
    for place, judge in enumerate(batch.judges):
        check_ref("judge", judge, f"judges.{place}")
    for role, ref, key in _heard(batch):
        if ref is not None:
            check_ref(role, ref, key)


def _heard(batch: Batch) -> Iterator[tuple[catalog.BackendRole, BackendRef | None, str]]:
    """Yield what a batch may leave out: voices and listeners, of all doctors and of each, and the referee."""
    yield "voice", batch.voice, "voice"
    yield "voice", batch.doctor_voice, "doctor_voice"
    yield "listener", batch.listener, "listener"
    yield "referee", batch.referee, "referee"
    for name, doctor in batch.doctors.items():
        yield "voice", doctor.doctor_voice, f"doctors.{name}.doctor_voice"
        yield "listener", doctor.listener, f"doctors.{name}.listener"


def check_ref(role: catalog.BackendRole, ref: BackendRef, key: str = "", *, people: bool = False) -> None:
    """Check one backend with its options; ``people``: a person may play the role, too (in a session).

    Raises:
        InputError: it does not exist, may not be named by a request, or refuses its options; the message begins with
            ``key``.
    """
    key = key or role
    if people and ref.backend == HUMAN and role in ("doctor", "patient"):
        if ref.options:
            raise InputError(f"{key}: a person takes no options")
        return
    try:
        spec = catalog.find(role, ref.backend)
    except UnknownName as error:
        raise InputError(f"{key}: {error}") from error
    check_options(spec, ref.options, key)
    try:
        catalog.validate_options(spec, ref.options)
    except InputError as error:
        raise InputError(f"{key}: {error}") from error


def check_options(spec: catalog.BackendSpec, options: Mapping[str, Any], key: str) -> None:
    """Raise InputError when a request may not name ``spec`` or one of ``options``, right or wrong as they may be."""
    allowed = FACTORIES.get(spec.factory)
    if allowed is None:
        raise InputError(
            f"{key}: {spec.role} {spec.name!r} cannot be named by a request: it may read files or load weights. "
            f"{ELSEWHERE}"
        )
    for name, value in options.items():
        if allowed is not EVERYTHING and name not in allowed:
            raise InputError(f"{key}.{name}: cannot be set by a request. {ELSEWHERE}")
        _check_value(name, value, f"{key}.{name}")


def may_be_named(spec: catalog.BackendSpec) -> bool:
    """Whether a request may name this backend at all."""
    return spec.factory in FACTORIES


def _check_value(name: str, value: Any, key: str) -> None:
    if name in ADDRESSES and not is_near(value):
        raise InputError(
            f"{key}: a request may name a model server on this machine only, http://127.0.0.1:PORT/v1. {ELSEWHERE}"
        )
    if name == "rubric" and value not in list(shipped_rubrics()):
        raise InputError(f"{key}: a request may name shipped rubrics only: {', '.join(shipped_rubrics())}")
    if name == "members":
        for place, member in enumerate(value if isinstance(value, list | tuple) else ()):
            for option, given in (member if isinstance(member, dict) else {}).items():
                if option not in MEMBER:
                    raise InputError(f"{key}.{place}.{option}: cannot be set by a request. {ELSEWHERE}")
                _check_value(option, given, f"{key}.{place}.{option}")


def is_near(address: Any) -> bool:
    """Whether an address is '' (the configured server) or a model server's on this machine, and nothing else there."""
    if address == "":
        return True
    if not isinstance(address, str):
        return False
    try:
        parts = urlsplit(address.rstrip("/"))
        port_is_number = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return (
        parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1") and port_is_number
        and "@" not in parts.netloc and parts.path in ("", "/v1") and not parts.query and not parts.fragment
        and "?" not in address and "#" not in address and address.isprintable()
    )
