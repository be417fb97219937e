"""Finds a checkpoint by folder or by its name on the Hugging Face Hub; nothing is fetched unless asked for."""

from __future__ import annotations

import re
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from model.errors import CheckpointError

NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
WANTED = ("*.json", "*.safetensors", "*.txt", "*.jinja", "*.npy", "vocoder/*", "tts_tokenizer/*")
PUBLISHED_VOCODER = ("flow.pt", "hift.pt", "spk2info.pt", "campplus.onnx")
"""What is fetched of a repository: data, and of the published vocoder what is read as tensors only."""


def find(name: str | Path, *, revision: str = "", download: bool = False) -> Path:
    """Return the folder of a checkpoint.

    Args:
        name: a folder, or a repository such as ``ICTNLP/LLaMA-Omni2-7B-Bilingual`` in the local cache.
        revision: branch, tag or commit of a repository; empty: its main branch.
        download: fetch what is not in the cache.

    Raises:
        CheckpointError: neither; for a repository the message gives the command that fetches it.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    text = str(name)
    if path.exists() or not NAME.fullmatch(text):
        what = "is a file" if path.exists() else "there is no such folder"
        raise CheckpointError(text, f"{what}; give a checkpoint's folder or a name like ICTNLP/LLaMA-Omni2-0.5B")
    try:
        return Path(snapshot_download(text, revision=revision or None, local_files_only=True))
    except LocalEntryNotFoundError:
        if not download:
            more = f" --revision {revision}" if revision else ""
            problem = f"is neither a folder nor in the local cache; fetch it with: hf download {text}{more}"
            raise CheckpointError(text, problem) from None
    except HFValidationError as error:
        raise CheckpointError(text, f"is no name of a repository: {error}") from error
    try:
        return Path(snapshot_download(text, revision=revision or None, allow_patterns=[*WANTED, *PUBLISHED_VOCODER]))
    except (OSError, ValueError, LocalEntryNotFoundError, HfHubHTTPError) as error:
        raise CheckpointError(text, f"could not be fetched: {' '.join(str(error).split())[:300]}") from error
