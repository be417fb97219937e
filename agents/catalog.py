"""The catalogue of backends: which names exist for which role, and how each is made; imports none of them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Literal

import structlog
from pydantic import ValidationError

from scenarios.errors import InputError, MissingExtra, UnknownName
from scenarios.schema import BackendRef, DoctorRef, Frozen

BackendRole = Literal["doctor", "patient", "examiner", "judge", "referee", "voice", "listener"]
log = structlog.get_logger(__name__)

_SECRET = re.compile(r"api_?key|(^|[._])(key|token|secret|password|authorization)$", re.I)
ENTRY_POINT_GROUP = "clinic_simulator.backends"


@dataclass(frozen=True, slots=True)
class BackendSpec:
    """One backend.

    ``factory`` is ``module:callable``; it is imported only when the backend is made and is called with the
    validated ``options``. ``options`` is ``module:Model`` of a frozen pydantic model (empty: no options).
    ``extra`` names the optional packages it needs; ``capabilities`` what it can do, e.g. ``hears``, ``speaks``.
    ``defaults`` are options that are set already (an entry for one certain model); a batch may override them.
    ``service`` is the folder with the start script and pinned requirements of the server behind it.
    """

    name: str
    role: BackendRole
    summary: str
    factory: str
    options: str = ""
    extra: str = ""
    capabilities: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    service: str = ""


BUILT_IN: tuple[BackendSpec, ...] = (
    BackendSpec(
        "history-taker", "doctor", "asks what tells most (expected information gain), closes with a differential",
        "agents.doctors.history_taker:HistoryTaker", "agents.doctors.options:DoctorOptions",
    ),
    BackendSpec(
        "checklist", "doctor", "reads a fixed list of questions, then names the best keyword match",
        "agents.doctors.checklist:Checklist", "agents.doctors.options:DoctorOptions",
    ),
    BackendSpec(
        "one-shot", "doctor", "answers at once from the opening sentence",
        "agents.doctors.one_shot:OneShot", "agents.doctors.options:DoctorOptions",
    ),
    BackendSpec(
        "chat", "doctor", "any chat model behind an OpenAI-compatible server (vLLM, SGLang, Ollama, hosted)",
        "agents.doctors.chat:ChatDoctor", "agents.doctors.chat:ChatOptions",
    ),
    BackendSpec(
        "audio-chat", "doctor", "a speech model behind an OpenAI-compatible server: hears audio content parts",
        "agents.doctors.audio_chat:AudioChatDoctor", "agents.doctors.audio_chat:AudioChatOptions",
        capabilities=frozenset({"hears", "speaks"}),
    ),
    BackendSpec(
        "process", "doctor", "a model in an environment of its own, behind the documented HTTP contract",
        "agents.doctors.process:ProcessDoctor", "agents.doctors.process:ProcessOptions",
        capabilities=frozenset({"hears", "speaks"}),
    ),
    BackendSpec(
        "transformers", "doctor", "a chat model loaded in this process, for people without a server",
        "agents.doctors.transformers_chat:TransformersDoctor", "agents.doctors.transformers_chat:TransformersOptions",
        extra="local",
    ),
    BackendSpec(
        "speechlm", "doctor", "our SpeechLM in this process: hears, answers, speaks; LLaMA-Omni2 and SpeechMedAssist",
        "agents.doctors.speechlm_doctor:SpeechLMDoctor", "agents.doctors.speechlm_options:SpeechLMOptions",
        extra="speech", capabilities=frozenset({"hears", "speaks"}),
    ),
    BackendSpec(
        "scripted-doctor", "doctor", "says the lines it is given: a fake for tests",
        "agents.doctors.scripted:ScriptedDoctor", "agents.doctors.scripted:ScriptedDoctorOptions",
    ),
    BackendSpec(
        "agenda", "patient", "agenda-based simulated patient that answers only from its case",
        "agents.patients.agenda:AgendaPatient", "agents.patients.agenda:AgendaOptions",
    ),
    BackendSpec(
        "llm", "patient", "a language model that plays the case (Qwen2.5-72B over vLLM, or any other)",
        "agents.patients.llm:LLMPatient", "agents.patients.llm:LLMPatientOptions",
    ),
    BackendSpec(
        "scripted-patient", "patient", "says the lines it is given: a fake for tests",
        "agents.patients.scripted:ScriptedPatient", "agents.patients.scripted:ScriptedPatientOptions",
    ),
    BackendSpec(
        "record", "examiner", "reports what the case records; what is absent was not done",
        "agents.examiners.record:RecordExaminer",
    ),
    BackendSpec(
        "scripted-examiner", "examiner", "gives the report it is given: a fake for tests",
        "agents.examiners.scripted:ScriptedExaminer", "agents.examiners.scripted:ScriptedExaminerOptions",
    ),
    BackendSpec(
        "rubric", "judge", "deterministic rubric: coverage, diagnosis, red flags, conduct, six dimensions",
        "agents.judges.rubric:RubricJudge", "agents.judges.rubric:RubricOptions",
    ),
    BackendSpec(
        "llm", "judge", "a language model that scores by a rubric file, reason before score",
        "agents.judges.llm:LLMJudge", "agents.judges.llm:LLMJudgeOptions",
    ),
    BackendSpec(
        "reference", "judge", "a language model that checks diagnosis, coverage and safety against the record",
        "agents.judges.reference:ReferenceJudge", "agents.judges.reference:ReferenceOptions",
    ),
    BackendSpec(
        "panel", "judge", "several models score by one rubric; means, and how far they agree",
        "agents.judges.panel:PanelJudge", "agents.judges.panel:PanelOptions",
    ),
    BackendSpec(
        "pairwise", "referee", "a language model that prefers one of two consultations, asked in both orders",
        "agents.judges.pairwise:PairwiseReferee", "agents.judges.pairwise:PairwiseOptions",
    ),
    BackendSpec(
        "scripted-judge", "judge", "gives the scores it is given: a fake for tests",
        "agents.judges.scripted:ScriptedJudge", "agents.judges.scripted:ScriptedJudgeOptions",
    ),
    BackendSpec(
        "espeak", "voice", "embedded formant voices by sex and age (espeak-ng): no weights, no network",
        "agents.voices.espeak:EspeakVoice", "agents.voices.espeak:EspeakOptions", extra="voice",
    ),
    BackendSpec(
        "openai-speech", "voice", "any server of /v1/audio/speech: vLLM-Omni and others",
        "agents.voices.openai_speech:SpeechServerVoice", "agents.voices.openai_speech:SpeechServerOptions",
        extra="voice",
    ),
    BackendSpec(
        "cosyvoice", "voice", "CosyVoice2-0.5B in a server of its own: speaks like a reference recording",
        "agents.voices.cloning:CloningVoice", "agents.voices.cloning:CosyVoiceOptions",
        extra="voice", service="cosyvoice",
    ),
    BackendSpec(
        "fish-speech", "voice", "openaudio-s1-mini in a server of its own: speaks like a reference recording",
        "agents.voices.cloning:CloningVoice", "agents.voices.cloning:FishSpeechOptions",
        extra="voice", service="fish-speech",
    ),
    BackendSpec(
        "transcript", "listener", "passes the true text on with a settable, seeded character error rate",
        "agents.listeners.transcript:TranscriptListener", "agents.listeners.transcript:TranscriptOptions",
        capabilities=frozenset({"reads"}),
    ),
    BackendSpec(
        "whisper", "listener", "openai-whisper, loaded in this process",
        "agents.listeners.whisper:WhisperListener", "agents.listeners.whisper:WhisperOptions", extra="speech",
    ),
    BackendSpec(
        "funasr", "listener", "FunASR models (SenseVoiceSmall, Paraformer), loaded in this process",
        "agents.listeners.funasr:FunASRListener", "agents.listeners.funasr:FunASROptions", extra="speech",
    ),
    BackendSpec(
        "openai-transcription", "listener", "any server of /v1/audio/transcriptions",
        "agents.listeners.openai_transcription:TranscriptionServerListener",
        "agents.listeners.openai_transcription:TranscriptionServerOptions", extra="voice",
    ),
)


@cache
def specs(role: BackendRole) -> Mapping[str, BackendSpec]:
    """Return the role's backends by name: the built-in ones, then installed plug-ins (entry points)."""
    found = {spec.name: spec for spec in BUILT_IN if spec.role == role}
    if role == "doctor":
        from agents.doctors.entries import entries

        found |= {name: spec for name, spec in entries(found).items() if name not in found}
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        try:
            spec = entry.load()
        except (ImportError, AttributeError) as error:
            log.warning("plug-in cannot be loaded", plugin=entry.name, error=str(error))
            continue
        if isinstance(spec, BackendSpec) and spec.role == role:
            found.setdefault(spec.name, spec)
    return found


def find(role: BackendRole, name: str) -> BackendSpec:
    """Return the spec; raises UnknownName with the choices and the near match."""
    known = specs(role)
    if name not in known:
        raise UnknownName(role, name, known)
    return known[name]


def validate_options(spec: BackendSpec, options: Mapping[str, Any]) -> Frozen | None:
    """Check ``options`` against the backend's own model; raises InputError naming the key and the choices."""
    if not spec.options:
        if options:
            raise InputError(f"{spec.role} {spec.name!r} takes no options, got {', '.join(sorted(options))}")
        return None
    model = _load(spec.options, spec)
    try:
        made = model.model_validate({**spec.defaults, **options})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{spec.role} {spec.name!r}, option {key!r}: {first['msg']} ({_got(key, first.get('input'))}). "
            f"Options: {', '.join(model.model_fields) or 'none'}"
        ) from error
    if not isinstance(made, Frozen):
        raise TypeError(f"{spec.options} is not a Frozen model")
    return made


def identity(role: BackendRole, ref: BackendRef) -> dict[str, Any]:
    """Return ``ref`` as written, less the options that cannot change a word (``speed_only`` of its options model).

    Two runs whose identities are equal may be one run on two servers, or with more patience.
    """
    spec = find(role, ref.backend)
    speed_only: frozenset[str] = frozenset()
    if spec.options:
        speed_only = getattr(_load(spec.options, spec), "speed_only", speed_only)
    entry = {"defaults": dict(spec.defaults)} if spec.defaults else {}
    elsewhere = set(DoctorRef.model_fields) - {"backend"} if role == "doctor" else None
    written = ref.model_dump(mode="json", exclude=elsewhere)
    return _less(written, speed_only) | entry


def _got(key: str, value: Any) -> str:
    """Return what was given; never a secret that someone wrote into a file."""
    if _SECRET.search(key):
        return "its value is not shown: keys never stand in files, name their variable in api_key_env"
    return f"got {value!r}"


def _less(options: dict[str, Any], speed_only: frozenset[str]) -> dict[str, Any]:
    """Leave keys out, in lists of options (a panel's members), too."""
    return {
        key: [_less(item, speed_only) if isinstance(item, dict) else item for item in value]
        if isinstance(value, list) else value
        for key, value in options.items() if key not in speed_only
    }


def create(role: BackendRole, ref: BackendRef) -> Any:
    """Make the backend that ``ref`` names. Raises UnknownName, InputError or MissingExtra."""
    spec = find(role, ref.backend)
    options = validate_options(spec, ref.options)
    factory = _load(spec.factory, spec)
    return factory(options) if options is not None else factory()


def _load(path: str, spec: BackendSpec) -> Any:
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if spec.extra:
            raise MissingExtra(f"{spec.role} {spec.name!r}", spec.extra) from error
        raise
