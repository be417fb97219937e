"""Where the parts come from: repositories' names in the local cache, Whisper's files, other vocoders."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from model.checkpoint import load
from model.errors import CheckpointError
from model.loading.published import ENCODER
from model.vocoder.codec_vocoder import CodecVocoder
from model.vocoder.cosyvoice import CosyVoice2Vocoder
from tests.model.checkpoint.broken import HEADS, PARITY, change_json, change_weights, copied


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Hugging Face cache that holds the recorded checkpoint as ICTNLP/Tiny, files as links into blobs."""
    root = tmp_path / "hub"
    repository = root / "models--ICTNLP--Tiny"
    for name in ("blobs", "refs", "snapshots/abc"):
        (repository / name).mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    for number, file in enumerate(sorted(PARITY.iterdir())):
        if file.is_file():
            shutil.copyfile(file, repository / "blobs" / str(number))
            (repository / "snapshots" / "abc" / file.name).symlink_to(f"../../blobs/{number}")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(root))
    return repository


def test_a_repository_in_the_cache_loads_by_name(cache: Path) -> None:
    loaded = load("ICTNLP/Tiny", encoder_heads=HEADS)
    assert loaded.info.name == "ICTNLP/Tiny" and loaded.info.folder.endswith("snapshots/abc")
    assert loaded.info.fingerprint == load(PARITY, encoder_heads=HEADS).info.fingerprint
    (cache / "snapshots" / "abc" / "config.json").unlink()
    (cache / "snapshots" / "abc" / "config.json").symlink_to("/etc/hostname")
    with pytest.raises(CheckpointError, match="link that leads out"):
        load("ICTNLP/Tiny", encoder_heads=HEADS)


def test_names_that_are_not_there_say_what_to_do(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CheckpointError, match="hf download ICTNLP/LLaMA-Omni2-7B --revision v1"):
        load("ICTNLP/LLaMA-Omni2-7B", revision="v1")
    with pytest.raises(CheckpointError, match="there is no such folder"):
        load("/no/such/folder")
    with pytest.raises(CheckpointError, match="is a file"):
        load(PARITY / "config.json")
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(CheckpointError, match="could not be fetched"):
        load("ICTNLP/LLaMA-Omni2-7B", download=True)


@pytest.mark.parametrize(
    ("name", "languages"),
    [("LLaMA-Omni2-0.5B", ("en",)), ("LLaMA-Omni2-7B-Bilingual", ("zh", "en")), ("my-doctor", ("zh", "en"))],
)
def test_languages_follow_the_published_names(tmp_path: Path, name: str, languages: tuple[str, ...]) -> None:
    assert load(copied(tmp_path / name), encoder_heads=HEADS).info.languages == languages


def whisper(file: Path, **changes: Any) -> Path:
    """Write the recorded encoder as openai/whisper writes its own, beside a decoder."""
    stored = load_file(PARITY / "model.safetensors")
    state = {f"encoder.{k.removeprefix(ENCODER)}": t + 1 for k, t in stored.items() if k.startswith(ENCODER)}
    dims = {"n_mels": 128, "n_audio_ctx": 1500, "n_audio_state": 32, "n_audio_head": 2, "n_audio_layer": 2}
    torch.save({"dims": dims, "model_state_dict": state | {"decoder.ln.weight": torch.ones(3)}} | changes, file)
    return file


def test_whispers_own_file_takes_the_encoders_place(tmp_path: Path) -> None:
    folder = copied(tmp_path / "without")
    change_weights(folder, lambda tensors: [tensors.pop(key) for key in list(tensors) if key.startswith(ENCODER)])
    with pytest.raises(CheckpointError, match="heads|missing"):
        load(folder, encoder_heads=HEADS)
    loaded = load(folder, whisper=whisper(tmp_path / "whisper.pt"))  # the file says how many heads
    assert loaded.model.config.speech_encoder_heads == 2
    stored = load_file(PARITY / "model.safetensors")
    ours = loaded.model.state_dict()
    assert all(torch.equal(ours[key], stored[key] + (1 if key.startswith(ENCODER) else 0)) for key in stored)
    plain, heard = load(PARITY, encoder_heads=HEADS), load(PARITY, whisper=tmp_path / "whisper.pt")
    assert plain.info.fingerprint != heard.info.fingerprint
    with pytest.raises(CheckpointError, match="it has 2 heads, encoder_heads is 4"):
        load(folder, whisper=tmp_path / "whisper.pt", encoder_heads=4)


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return (Path.mkdir, (self.place,))


def test_files_that_carry_code_are_refused_and_nothing_runs(tmp_path: Path) -> None:
    place = tmp_path / "was-run"
    evil = whisper(tmp_path / "evil.pt", extra=Evil(place))
    with pytest.raises(CheckpointError, match="carries more than tensors.*nothing in it was run"):
        load(PARITY, whisper=evil)
    (tmp_path / "plain.pt").write_bytes(pickle.dumps({"dims": {}, "model_state_dict": Evil(place)}))
    with pytest.raises(CheckpointError, match="plain.pt"):
        load(PARITY, whisper=tmp_path / "plain.pt")
    assert not place.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"dims": {"n_audio_head": "two"}}, "no n_audio_head"), ({"model_state_dict": {}}, "has no encoder weights"),
     ({"model_state_dict": {"encoder.conv1.weight": [1.0]}}, "encoder.conv1.weight are no weights"),
     ({"dims": None}, "is no openai/whisper file")],
)  # fmt: skip
def test_whisper_files_of_another_form(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        load(PARITY, whisper=whisper(tmp_path / "w.pt", **changes))


def test_damaged_and_absent_whisper_files(tmp_path: Path) -> None:
    file = whisper(tmp_path / "w.pt")
    file.write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(CheckpointError, match="damaged"):
        load(PARITY, whisper=file)
    with pytest.raises(CheckpointError, match="no such Whisper file"):
        load(PARITY, whisper=tmp_path / "none.pt")


def cosyvoice(folder: Path) -> Path:
    """The recorded vocoder's files with a made-up speaker."""
    source = PARITY.parent / "vocoder"
    folder.mkdir()
    for name in ("config.json", "flow.safetensors", "hift.safetensors"):
        shutil.copyfile(source / name, folder / name)
    np.save(folder / "speaker.npy", np.linspace(-1, 1, 192, dtype=np.float32))
    return folder


def test_vocoders_are_known_by_their_folder_and_must_have_the_models_units(tiny: Path, tmp_path: Path) -> None:
    assert isinstance(load(tiny).vocoder, CodecVocoder)
    folder = cosyvoice(tmp_path / "cosy2_decoder")
    with pytest.raises(CheckpointError, match="the vocoder has 512 units, the model makes 6561"):
        load(tiny, vocoder=folder)
    (folder / "speaker.npy").unlink()
    with pytest.raises(CheckpointError, match="needs a speaker's x-vector: put one of speaker.npy"):
        load(tiny, vocoder=folder)
    (folder / "flow.safetensors").unlink()
    (folder / "flow.pt").symlink_to(PARITY / "model.safetensors")
    with pytest.raises(CheckpointError, match="flow.pt is a link that leads out"):
        load(tiny, vocoder=folder)
    with pytest.raises(CheckpointError, match="its vocoder is None; known are codec, cosyvoice2"):
        load(tiny, vocoder=copied(tmp_path / "no-vocoder"))


def test_cosyvoice2_opens_from_published_files(tmp_path: Path) -> None:
    from model.loading.folder import Folder
    from model.loading.vocoders import open_vocoder

    folder = cosyvoice(tmp_path / "cosy2_decoder")
    for name in ("flow", "hift"):  # as published: pickled tensors
        torch.save(load_file(folder / f"{name}.safetensors"), folder / f"{name}.pt")
        (folder / f"{name}.safetensors").unlink()
    made = open_vocoder(Folder(folder), torch.device("cpu"), None, None, 512)
    assert isinstance(made, CosyVoice2Vocoder) and made.codebook == 512


def test_a_broken_codec_beside_the_model_is_named(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "c")
    file = folder / "vocoder" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(CheckpointError, match="vocoder"):
        load(folder)
    change_json(folder / "vocoder" / "config.json", kind="magic")
    with pytest.raises(CheckpointError, match="its vocoder is 'magic'"):
        load(folder)
