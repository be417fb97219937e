"""A FunASR model's folder as it is published: its configuration and files, read as data; it loads no weights.

FunASR's own loader lets ``config.yaml`` name Python to be run and files anywhere on the disk. Here a configuration
may say which of the known models it is and how large; the files are those of the folder.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from agents.listeners.weights import folder_hash
from scenarios.errors import InputError

MODELS = ("SenseVoiceSmall", "Paraformer", "BiCifParaformer", "SeacoParaformer", "ContextualParaformer")
HOW_TO_GET = (
    "Get one once, e.g.: modelscope download --model iic/SenseVoiceSmall --local_dir DIR, or: hf download "
    "FunAudioLLM/SenseVoiceSmall --local-dir DIR (Paraformer: "
    "iic/speech_paraformer-large_asr_nat-zh-cn-16k-common-vocab8404-pytorch, funasr/paraformer-zh), and give DIR"
)
_PARTS = ("encoder", "decoder", "predictor", "ctc", "tokenizer", "frontend", "normalize", "seaco_decoder", "model")
_PLAIN = ("input_size", "inner_dim")
_LARGEST_CONFIG = 1_000_000


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """``settings`` are what FunASR's classes are made with; ``weights`` is the checkpoint.

    ``dither``: standard deviation of the noise that the model was trained with, in steps of 16-bit sound.
    """

    path: Path
    model: str
    settings: dict[str, Any]
    weights: Path
    dither: float
    fingerprint: str

    @classmethod
    def opened(cls, path: Path, given: str) -> ModelFolder:
        """Read the configuration and find the files. Raises InputError naming what is missing or wrong."""
        if not path.is_dir():
            raise InputError(
                f"listener 'funasr', option 'model': {given!r} is no folder here, and nothing is downloaded unasked. "
                f"{HOW_TO_GET}"
            )
        config, named = _mapping(path / "config.yaml"), _named_files(path)
        model = config.get("model")
        if model not in MODELS:
            raise InputError(f"{path / 'config.yaml'}: model {model!r} is none of {', '.join(MODELS)}")
        weights = _file(path, named.get("init_param"), "model.pt")
        if weights is None:
            raise InputError(f"{path} holds no model.pt: the folder is incomplete. {HOW_TO_GET}")
        settings, used = _settings(path, config, named)
        mark = f"funasr-{folder_hash([path / 'config.yaml', weights, *used])[:32]}"
        return cls(path, model, settings, weights, _dither(settings["frontend_conf"]), mark)


def _settings(path: Path, config: dict[str, Any], named: dict[str, str]) -> tuple[dict[str, Any], list[Path]]:
    """Return what of the configuration decides about the model, with the folder's own files put in, and those."""
    settings: dict[str, Any] = {key: config[key] for key in _PLAIN if key in config}
    for part in _PARTS:
        if part != "model" and isinstance(config.get(part), str):
            settings[part] = config[part]
        conf = config.get(f"{part}_conf")
        settings[f"{part}_conf"] = dict(conf) if isinstance(conf, dict) else {}
    tokenizer, frontend = settings["tokenizer_conf"], settings["frontend_conf"]
    if settings.get("tokenizer") not in ("SentencepiecesTokenizer", "CharTokenizer"):
        raise InputError(
            f"{path / 'config.yaml'}: tokenizer {config.get('tokenizer')!r} is none of SentencepiecesTokenizer, "
            "CharTokenizer"
        )
    for key in ("token_list", "seg_dict", "seg_dict_file", "bpemodel", "non_linguistic_symbols"):
        tokenizer.pop(key, None)
    files = {
        "bpemodel": _file(path, named.get("bpemodel"), "bpe.model", *sorted(p.name for p in path.glob("*.bpe.model"))),
        "token_list": _file(path, named.get("token_list"), "tokens.json", "tokens.txt"),
        "seg_dict": _file(path, named.get("seg_dict"), "seg_dict"),
    }
    wanted = "bpemodel" if settings["tokenizer"] == "SentencepiecesTokenizer" else "token_list"
    if files[wanted] is None:
        raise InputError(
            f"{path} holds no {'bpe.model' if wanted == 'bpemodel' else 'tokens.json'}: the folder is incomplete. "
            f"{HOW_TO_GET}"
        )
    if wanted == "bpemodel":
        files = {"bpemodel": files["bpemodel"]}
    tokenizer |= {key: str(file) for key, file in files.items() if file is not None}
    mean = _file(path, named.get("cmvn_file"), "am.mvn")
    if mean is None:
        raise InputError(f"{path} holds no am.mvn: the folder is incomplete. {HOW_TO_GET}")
    frontend["cmvn_file"] = str(mean)
    return settings, [file for file in (*files.values(), mean) if file is not None]


def _dither(frontend: dict[str, Any]) -> float:
    """Return the dither, and turn FunASR's own off: it draws from a global generator, and words would vary."""
    given = frontend.get("dither", 1.0)
    frontend["dither"] = 0.0
    return float(given) if isinstance(given, int | float) and 0 <= given <= 100 else 1.0


def _named_files(path: Path) -> dict[str, str]:
    """Return the file names of ``configuration.json`` where there is one: published folders name theirs freely."""
    if not (path / "configuration.json").is_file():
        return {}
    try:
        metas: Any = json.loads((path / "configuration.json").read_text("utf-8")).get("file_path_metas", {})
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}
    found: dict[str, str] = {}
    for key, value in metas.items() if isinstance(metas, dict) else ():
        for name, file in value.items() if isinstance(value, dict) else ((key, value),):
            if isinstance(file, str):
                found[str(name)] = file
    return found


def _file(folder: Path, *names: str | None) -> Path | None:
    """Return the first that is there; only names of the folder itself count, never paths."""
    for name in names:
        if name and Path(name).name == name and (folder / name).is_file():
            return folder / name
    return None


def _mapping(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise InputError(f"{file.parent} holds no config.yaml: it is no FunASR model's folder. {HOW_TO_GET}")
    try:
        if file.stat().st_size > _LARGEST_CONFIG:
            raise InputError(f"{file} is too large for a configuration")
        held = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{file} cannot be read: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(held, dict):
        raise InputError(f"{file} holds no settings")
    return held
