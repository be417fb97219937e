"""What the model servers in these folders share: the template's server, the dialogue as turns, sound files, seeds.

Standard library only, Python 3.9 or newer, because every service runs in an environment of its own. It knows the
HTTP contract through ``template/server.py`` and no model; torch is touched only when a model uses it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def _template() -> Any:
    name = "clinic_template_server"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, HERE / "template" / "server.py")
        assert spec and spec.loader
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


template = _template()
Doctor, Refused = template.Doctor, template.Refused

LAYERS = 8
EXAMINER = {"zh": "检查结果：", "en": "Examination results: "}
SEX = {"zh": {"female": "女", "male": "男"}, "en": {"female": "female", "male": "male"}}


@dataclass
class Turn:
    """What one side said before the other spoke.

    ``parts`` are ("text", words) or ("sound", path of a WAV file); ``words`` has the text of both kinds.
    """

    role: str
    parts: list[tuple[str, str]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All words, one utterance a line."""
        return "\n".join(self.words)

    def add(self, kind: str, content: str, words: str, *, first: bool = False) -> None:
        """Append a part, or put it ``first``."""
        at = 0 if first else len(self.parts)
        self.parts.insert(at, (kind, content))
        self.words.insert(at, words)


def without(control: re.Pattern[str], text: str) -> str:
    """Return ``text`` without what ``control`` finds, not even what only appears when something was taken out.

    So many layers are an attack; its brackets go.
    """
    for _ in range(LAYERS):
        shorter = control.sub("", text)
        if shorter == text:
            return text
        text = shorter
    return re.sub(r"[<>|]", "", text)


@contextlib.contextmanager
def turns_of(request: dict[str, Any], *, marks: str = "") -> Iterator[list[Turn]]:
    """Yield the dialogue as alternating turns of "user" and "assistant", the first and last of the user.

    Sound that the request brought as bytes lies in temporary files inside the ``with`` body. What the examiner
    reports and, unless ``options.intake`` is "none", age and sex are words of the user. Words are data: what a
    tokenizer would take for a control token, ``<|...|>`` or the regular expression ``marks``, is taken out.
    """
    control = re.compile(rf"<\|.*?\|>|{marks}" if marks else r"<\|.*?\|>", re.S)
    with tempfile.TemporaryDirectory(prefix="clinic-sound-") as folder:
        turns: list[Turn] = []
        for index, said in enumerate(request["dialogue"]):
            role = "assistant" if said["role"] == "doctor" else "user"
            if not turns or turns[-1].role != role:
                turns.append(Turn(role))
            label = EXAMINER[request["language"]] if said["role"] == "examiner" else ""
            words = label + without(control, said["text"])
            sound = _sound_file(said, Path(folder) / f"{index}.wav")
            turns[-1].add("sound" if sound else "text", sound or words, words)
        if turns[0].role == "assistant":
            hello = "您好。" if request["language"] == "zh" else "Hello."
            turns.insert(0, Turn("user", [("text", hello)], [hello]))
        if turns[-1].role == "assistant":
            raise Refused(400, "bad_request", "dialogue must end with what the patient or the examiner said")
        intake = "" if option(request, "intake", "first") == "none" else intake_words(request)
        if intake:
            turns[0].add("text", without(control, intake), without(control, intake), first=True)
        yield turns


def _sound_file(said: dict[str, Any], file: Path) -> str:
    """Return where the patient's sound lies, writing it to ``file`` when it came as bytes; "" when there is none."""
    sound = said.get("audio")
    if not sound or said["role"] != "patient":
        return ""
    if "wav" in sound:
        file.write_bytes(sound["wav"])
        return str(file)
    return str(sound["file"])


def sounds_of(turns: list[Turn], rate_hz: int) -> list[Any]:
    """Return the samples of all sound in order, each float32 of shape (samples,); call it inside ``turns_of``."""
    paths = [content for turn in turns for kind, content in turn.parts if kind == "sound"]
    if not paths:
        return []
    import librosa

    return [librosa.load(path, sr=rate_hz, mono=True)[0] for path in paths]


def intake_words(request: dict[str, Any]) -> str:
    """Return age, sex and who speaks as reception wrote them down, in brackets; "" when nothing is known."""
    language, card = request["language"], request["intake"]
    words = [SEX[language].get(str(card.get("sex")), "")]
    age, caregiver = card.get("age_years"), str(card.get("caregiver") or "")
    if isinstance(age, (int, float)) and not isinstance(age, bool):
        words.append(f"{age:g}岁" if language == "zh" else f"{age:g} years old")
    if caregiver:
        words.append(f"由{caregiver}代述" if language == "zh" else f"the {caregiver} speaks for the patient")
    words = [word for word in words if word]
    return ("（" + "，".join(words) + "）" if language == "zh" else "(" + ", ".join(words) + ")") if words else ""


def option(request: dict[str, Any], name: str, default: Any, low: float = 0, high: float = 100_000) -> Any:
    """Return an option of the request, of the type of ``default``; raises Refused for another type or out of range."""
    value = request["options"].get(name, default)
    if isinstance(default, str):
        if not isinstance(value, str):
            raise Refused(400, "bad_request", f"options.{name} must be a string")
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise Refused(400, "bad_request", f"options.{name} must be a number from {low:g} to {high:g}")
    return type(default)(value)


def sampling(request: dict[str, Any], **defaults: float) -> dict[str, Any]:
    """Return arguments of transformers' ``generate``; temperature 0 means greedy, without what only sampling knows."""
    chosen = {name: option(request, name, default) for name, default in defaults.items()}
    if chosen.get("temperature", 0) > 0:
        return {**chosen, "do_sample": True}
    return {**{k: v for k, v in chosen.items() if k not in ("temperature", "top_p", "top_k")}, "do_sample": False}


def replied(text: str, prompt: int, completion: int, most: int) -> dict[str, Any]:
    """Return a reply with its token counts; one that has all of the ``most`` tokens allowed was cut off."""
    usage = {"prompt": prompt, "completion": completion}
    return {"text": text.strip(), "usage": usage, "finish": "length" if completion >= most else "stop"}


def with_sound(reply: dict[str, Any], samples: Any, rate_hz: int) -> dict[str, Any]:
    """Return the reply with the model's own voice: ``samples`` are floats within -1 and 1, a tensor or an array."""
    import numpy

    if hasattr(samples, "detach"):
        samples = samples.detach().float().cpu().numpy()
    flat = numpy.clip(numpy.nan_to_num(numpy.asarray(samples, numpy.float32).reshape(-1)) * 32_768, -32_768, 32_767)
    if not flat.size:
        raise Refused(422, "bad_audio", "the model wrote an answer and made no sound of it")
    return {**reply, "wav": template.wav_of(numpy.rint(flat).astype("<i2").tobytes(), rate_hz)}


def may_speak() -> bool:
    """Whether the server was started with its voice: SPEAK=1. A voice takes memory and further packages."""
    return os.environ.get("SPEAK", "") not in ("", "0")


def seed_everything(seed: int) -> None:
    """Seed every sampler of torch (and with it transformers) for one reply."""
    import torch

    torch.manual_seed(seed % 2**63)


def safe_weights() -> None:
    """Make every ``torch.load`` of the repositories' own code refuse pickled objects; call it before importing them."""
    import torch

    plain = torch.load
    if getattr(plain, "weights_only", False):
        return

    def load(*args: Any, **kwargs: Any) -> Any:
        return plain(*args, **{**kwargs, "weights_only": True})

    load.weights_only = True  # type: ignore[attr-defined]
    torch.load = load


def from_environment(name: str, what: str) -> Path:
    """Return the folder that the variable ``name`` gives; raises with the remedy when it is not there."""
    folder = Path(os.environ.get(name) or "missing")
    if not os.environ.get(name) or not folder.is_dir():
        raise FileNotFoundError(f"{name} must name the folder of {what}; the start script of this service sets it")
    return folder.resolve()


def use_repository(*inside: str) -> Path:
    """Let Python import from the published repository in $REPOSITORY, and from folders ``inside`` it."""
    folder = from_environment("REPOSITORY", "the model's published code")
    sys.path[:0] = [str(folder), *(str(folder / part) for part in inside)]
    return folder


def serve(doctor: Any) -> None:
    """Read the command line (see ``--help``) and serve ``doctor`` until stopped."""
    template.main(doctor)
