"""The options of the SpeechLM as a doctor: which checkpoint, how it samples and is spoken to; it imports no tensor."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from agents.doctors.habits import Bilingual, PromptHabits, Stripper
from agents.doctors.speechlm_folder import Facts, facts_of, located
from scenarios.errors import InputError
from scenarios.schema.base import Text

UNITS_PER_SECOND = 25


class SpeechLMOptions(PromptHabits):
    """A checkpoint, where it runs, how it samples, how it is spoken to.

    Unlike other doctors it is spoken to as it was trained, unless the options say otherwise: with the checkpoint's own
    system message, age and sex before the first words, and no hint at the end.
    """

    speed_only: ClassVar[frozenset[str]] = frozenset({"device", "max_streams", "kept_mb", "compile", "audio_root"})

    checkpoint: Text = Field(
        description="a folder (LLaMA-Omni2's, SpeechMedAssist's or our layout), or a name on the model hub that is in "
        "the cache: nothing is downloaded unasked"
    )
    revision: str = Field(default="", max_length=200, description="of a hub name; empty: main")
    vocoder: str = Field(
        default="", max_length=4_000,
        description="a folder with flow.pt and hift.pt (cosy2_decoder), or of our codec; or a hub name. Empty: the "
        "folder vocoder/ in the checkpoint, where there is one",
    )
    speaker: str = Field(
        default="", max_length=4_000,
        description="the voice: a file with its x-vector (.npy, spk2info.pt) or a recording (.wav); empty: its own",
    )
    voice: str = Field(default="", max_length=200, description="which one, where that file has several")
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d{1,3})?|mps)$", description="auto: a GPU, or CPU")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="auto: as stored on a GPU that computes so, else float32"
    )
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2"] = "auto"
    adapter: str = Field(default="", max_length=4_000, description="a LoRA adapter of peft: a folder, or a hub name")
    quantization: Literal["", "8bit", "4bit"] = Field(default="", description="for small GPUs; empty: none")
    encoder_heads: int | None = Field(
        default=None, ge=1, le=1_024, description="of the speech encoder, where its files lack them; none: 64 wide"
    )
    speech_length: Literal["padded", "real"] | None = Field(
        default=None, description="padded: each utterance takes 30 s, 300 positions, as published; real: ten a second, "
        "for models trained so; none: as the checkpoint says"
    )
    long_speech: Literal["refuse", "split"] | None = Field(
        default=None, description="sound over 30 s: refuse, or split into utterances; none: as the checkpoint says"
    )
    max_streams: int = Field(default=8, ge=1, le=1_024, description="answers worked on at once; more wait")
    kept_mb: int = Field(
        default=2_048, ge=0, le=10_000_000, description="caches of earlier turns that are kept: a turn then costs only "
        "what is new"
    )
    compile: bool = Field(default=False, description="compile single steps (CUDA graphs): slower start, faster answers")
    max_new_tokens: int = Field(default=256, ge=1, le=100_000, description="text tokens of one reply")
    temperature: float = Field(default=0.0, ge=0, le=5, description="of the text; 0: greedy")
    top_k: int = Field(default=0, ge=0, le=1_000_000, description="0: no limit")
    top_p: float = Field(default=1.0, gt=0, le=1)
    repetition_penalty: float | None = Field(
        default=None, gt=0, le=10, description="none: the checkpoint's own (generation_config.json)"
    )
    stop: tuple[str, ...] = Field(default=(), max_length=16, description="texts at which a reply ends")
    hear: bool = Field(default=True, description="hear the patient; false: read what a listener understood")
    also_text: bool = Field(default=False, description="put beside the sound what a listener understood of it")
    speak: bool | None = Field(
        default=None, description="answer in its own voice when the doctor is to be heard; none: when it has one"
    )
    unit_temperature: float = Field(default=1.0, ge=0, le=5, description="of the speech units; 0: greedy")
    unit_top_k: int = Field(default=50, ge=0, le=100_000, description="of the speech units, as published; 0: no limit")
    unit_top_p: float = Field(default=1.0, gt=0, le=1)
    max_spoken_s: float = Field(default=120.0, gt=0, le=600, description="a reply's sound ends here; its text does not")
    audio_root: str = Field(default="", description="the folder that audio paths are relative to; empty: the run's own")

    system: Bilingual | None = Field(
        default=Bilingual(zh="", en=""),
        description="a text, or one each under zh and en; '': the checkpoint's own; none: our prompt of chat doctors",
    )
    intake: Literal["system", "first", "none"] = Field(
        default="first", description="where age, sex and who speaks are told: system prompt, first message, nowhere"
    )
    last_word: Literal["hint", "none"] = Field(
        default="none", description="hint: the last exchange ends with a note that the consultation closes now"
    )
    ask_requests: Literal["none"] = Field(default="none", description="always none: a form is not spoken")
    strip: tuple[Stripper, ...] = Field(
        default=("special_tokens", "label"), description="what is taken out of a reply, in this order"
    )

    @field_validator("ask_requests", mode="before")
    @classmethod
    def _has_no_form(cls, value: object) -> object:
        if value == "form":
            raise ValueError("a SpeechLM cannot be held to a form: use 'chat' with a server for that")
        return value

    @property
    def hears(self) -> bool:
        """Whether the patient's sound reaches the model."""
        return self.hear

    @property
    def speaks(self) -> bool:
        """Whether the model's own voice is heard; a checkpoint that is not here yet is trusted to have one."""
        if self.speak is not None:
            return self.speak
        try:
            return self.facts.speaks
        except InputError:
            return True

    @cached_property
    def facts(self) -> Facts:
        """What the checkpoint's small files tell. Raises InputError: it is not here, or no such checkpoint."""
        return facts_of(self.checkpoint, self.revision, self.vocoder, writes=self.speak is False)

    @property
    def adapter_folder(self) -> Path | None:
        """Where the adapter lies; None without one. Raises InputError: it is not here."""
        return located(self.adapter, "adapter") if self.adapter else None

    def loading(self) -> dict[str, Any]:
        """Return what decides which model is in memory: doctors whose options agree here share one."""
        places = {"folder": str(self.facts.folder.resolve()), "vocoder": str(self.facts.vocoder or "")}
        return self.model_dump(include=set(LOADING)) | places | {"system": self.own_system}

    @property
    def own_system(self) -> str:
        """The system message of dialogues that bring none; '': Qwen2.5's."""
        return (self.system.text("en") if self.system is not None else "") or self.facts.system

    @property
    def max_units(self) -> int:
        """Units of one reply at most."""
        return max(1, round(self.max_spoken_s * UNITS_PER_SECOND))


LOADING = (
    "speaker", "voice", "device", "dtype", "attention", "adapter", "quantization", "encoder_heads",
    "speech_length", "long_speech", "max_streams", "kept_mb", "compile",
)
