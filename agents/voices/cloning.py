"""A voice that speaks like a recording: each speaker of a table, through a server of the speech contract.

The contract, with its JSON schema and a server to start from, is in ``services/speech-template``. CosyVoice2-0.5B and
openaudio-s1-mini have servers there; any other server of the contract will do.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, field_validator

from agents.llm.transport import SEED_RANGE
from agents.protocols import Spoken, VoiceView
from agents.voices.speakers import Reference, SpeakerTable
from agents.voices.speech_server import Body, SpeechServer, SpeechTransport, Text, text_of
from agents.voices.speech_server_health import wait_until_ready
from agents.voices.speech_server_options import PATIENCE, ServerOptions, plain_url
from agents.voices.speech_server_references import Recording, Recordings
from scenarios.errors import AgentFailure, InputError
from scenarios.identity import content_hash, derive_seed
from scenarios.schema import Language
from scenarios.schema.base import Text as Named

_KEPT_BYTES = 64_000_000


class CloningOptions(ServerOptions):
    """Which speakers there are, and which server speaks like them."""

    speed_only: ClassVar[frozenset[str]] = PATIENCE | {"url", "speakers"}

    model: Named = Field(description="the name the server reports at /health; another one is refused")
    url: str = Field(description="of the server, without /v1")
    speakers: Named = Field(description="the speaker table, as `clinic speakers build` writes it")
    languages: tuple[Language, ...] = Field(default=("zh", "en"), min_length=1, description="what the model can speak")

    _url = field_validator("url")(plain_url)


class CosyVoiceOptions(CloningOptions):
    """CosyVoice2-0.5B, behind services/cosyvoice."""

    model: Named = Field(default="CosyVoice2-0.5B", description="the name the server reports at /health")
    url: str = Field(default="http://127.0.0.1:8231", description="of the server, without /v1")


class FishSpeechOptions(CloningOptions):
    """openaudio-s1-mini, behind services/fish-speech."""

    model: Named = Field(default="openaudio-s1-mini", description="the name the server reports at /health")
    url: str = Field(default="http://127.0.0.1:8232", description="of the server, without /v1")


class CloningVoice:
    """Speaks like recordings: one speaker for all turns of a consultation."""

    def __init__(self, options: CloningOptions) -> None:
        """Read the speaker table; connect to nothing yet. Raises InputError when there is no such table."""
        from agents.voices.text import fingerprint

        self._options = options
        self._table = SpeakerTable.load(options.speakers)
        self._recordings = Recordings(_KEPT_BYTES)
        way = options.way(options.model, options.url)
        self._transport = SpeechTransport(way, "/v1/audio/speech", max_seconds=options.max_piece_s)
        self._server = SpeechServer(options, self._transport)
        self._settled = options.model_dump(mode="json", exclude=set(options.speed_only))
        self.fingerprint = f"{self._table.fingerprint}-{fingerprint()}"

    def key(self, view: VoiceView) -> str:
        """Return a hash of all that can change the sound: text as read, speaker, the recording itself, options.

        Raises AgentFailure(voice) when the speaker's recording cannot be used.
        """
        return self._key(text_of(view, self._options), view, *self._heard(view))

    async def speak(self, view: VoiceView) -> Spoken:
        """Return the sound of ``view.text``. Raises AgentFailure(voice | infrastructure)."""
        language = view.speaker.language
        if language not in self._options.languages:
            raise AgentFailure(
                "voice", "unsupported_language", f"{self._options.model} does not speak {language!r} (languages)"
            )
        text = text_of(view, self._options)
        reference, recording = self._heard(view)
        seed = derive_seed(0, self._key(text, view, reference, recording))
        return await self._server.speak(
            text, lambda piece, seed: self._body(piece, language, reference, recording, seed),
            lambda number, take: derive_seed(seed, number, take) % SEED_RANGE, reference.speaker,
        )

    async def preflight(self, longest: int) -> None:
        """Wait until the server has loaded its model. Raises ClinicError: away, another one, or it cannot clone."""
        server = self._transport.server()
        card = await wait_until_ready(server, self._options.model, self._options.patience_s)
        if card.get("clones") is not True:
            raise InputError(f"{server.url} cannot speak like a recording (clones: false)")
        missing = set(self._options.languages) - set(_words(card.get("languages")))
        if missing:
            raise InputError(f"{server.url} does not speak {', '.join(sorted(missing))}: set languages")

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._server.aclose()

    def _heard(self, view: VoiceView) -> tuple[Reference, Recording]:
        try:
            reference = self._table.choose(view.speaker)
        except InputError as error:
            raise AgentFailure("voice", "reference_missing", str(error)) from error
        return reference, self._recordings.get(reference)

    def _key(self, text: Text, view: VoiceView, reference: Reference, recording: Recording) -> str:
        about = [view.speaker.language, reference.text, recording.digest, text.read, text.pieces]
        return content_hash([self._settled, *about], 40)

    def _body(self, piece: str, language: Language, reference: Reference, recording: Recording, seed: int) -> Body:
        return {
            "model": self._options.model, "input": piece, "language": language, "seed": seed,
            "speed": self._options.speed, "stream": self._options.stream, "response_format": "wav",
            "ref_audio": recording.wav_base64, "ref_text": reference.text,
        }


def _words(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
