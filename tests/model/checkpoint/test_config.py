"""What is wrong in a published configuration is read safely: parsed, checked, never evaluated, never opened."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from model.checkpoint import load
from model.errors import CheckpointError
from model.loading.published import parse_stream
from tests.model.checkpoint.broken import HEADS, change_json, copied


@pytest.mark.parametrize("value", ["(3,10)", " ( 3 , 10 ) ", "[3, 10]", [3, 10], (3, 10)])
def test_stream_params_are_two_numbers(value: object) -> None:
    assert parse_stream(value) == (3, 10)


@pytest.mark.parametrize(
    "value",
    ["", "(3,)", "(3,10,12)", "(0,10)", "(3,0)", "(-3,10)", "(3.0,10)", "['3',10]", [3, True], [3, "10"], 7, None,
     "__import__('os').mkdir('evaluated')", "(3,10) or __import__('os').mkdir('evaluated')", "(3,9**9**9)", "(3,10"],
)  # fmt: skip
def test_other_stream_params_are_refused_and_never_evaluated(
    tmp_path: Path, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="stream_params is "):
        parse_stream(value)
    assert not os.path.exists("evaluated")


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "stream": ({"stream_params": "(3,eval('1'))"}, r"stream_params is \"\(3,eval\('1'\)\)\""),
    "no stream": ({"stream_params": None}, "stream_params is None"),
    "kind": ({"model_type": "llama"}, "model_type is 'llama'; known are omni2_speech2s_qwen2.*SpeechMedAssist"),
    "kind is no text": ({"model_type": ["x"]}, r"model_type is \['x'\]"),
    "encoder": ({"speech_encoder_type": "wavlm"}, "speech_encoder_type is 'wavlm'"),
    "projector": ({"speech_projector_type": "qformer"}, "speech_projector_type is 'qformer'"),
    "text for a number": ({"hidden_size": "64"}, "hidden_size is '64'"),
    "no layers": ({"num_hidden_layers": 0}, "num_hidden_layers is 0"),
    "layers without end": ({"num_hidden_layers": 10**6}, "more than 1,000 layers"),
    "wide": ({"intermediate_size": 10**12}, "intermediate_size is 1000000000000"),
    "yes": ({"hidden_size": True}, "hidden_size is True"),
    "activation": ({"hidden_act": "x.y"}, "x.y"),
    "encoder width": ({"speech_encoder_hidden_size": 1280}, "speech_encoder_hidden_size is 1280, the weights have 32"),
    "generator": ({"speech_generator": "qwen"}, "speech_generator must be the sizes"),
    "generator's numbers": ({"speech_generator": {"hidden_size": -1}}, "hidden_size is -1"),
    "rope": ({"rope_theta": "fast"}, "rope_theta"),
    "quantized": ({"quantization_config": {"bits": 4}}, "quantized already"),
    "length": ({"speech_length": "some"}, "speech_length is 'some'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_value_that_cannot_be_is_named(tmp_path: Path, name: str) -> None:
    folder = copied(tmp_path / "c")
    change, message = WRONG[name]
    change_json(folder / "config.json", **change)
    with pytest.raises(CheckpointError, match=message):
        load(folder, encoder_heads=HEADS)


def test_foreign_paths_and_code_in_the_configuration_are_left_alone(tmp_path: Path) -> None:
    folder, plain = copied(tmp_path / "c"), copied(tmp_path / "plain")
    fifo = tmp_path / "opened-by-nobody"
    os.mkfifo(fifo)  # opening it would wait for ever
    change_json(
        folder / "config.json", tts_tokenizer=str(fifo), speech_encoder=str(fifo), _name_or_path=str(fifo),
        auto_map={"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model", "AutoTokenizer": ["evil.T", None]},
        trust_remote_code=True,
    )  # fmt: skip
    (folder / "evil.py").write_text("raise SystemExit('this code was run')\n")
    ours, theirs = load(folder, encoder_heads=HEADS), load(plain, encoder_heads=HEADS)
    assert ours.model.config.to_diff_dict() == theirs.model.config.to_diff_dict()
    assert ours.processor._plain("医生 hello") == theirs.processor._plain("医生 hello")


def test_a_tokenizer_that_names_code_is_refused_or_read_without_it(tmp_path: Path) -> None:
    folder = copied(tmp_path / "c")
    file = folder / "tokenizer_config.json"
    change_json(file, tokenizer_class="EvilTokenizer", auto_map={"AutoTokenizer": ["evil.EvilTokenizer", None]})
    (folder / "evil.py").write_text("raise SystemExit('this code was run')\n")
    try:
        load(folder, encoder_heads=HEADS)
    except CheckpointError as error:
        assert "no usable tokenizer" in str(error)


def test_heads_that_no_one_knows_must_be_given(tmp_path: Path) -> None:
    folder = copied(tmp_path / "c")
    with pytest.raises(CheckpointError, match="32 wide and its number of heads is not known.*give encoder_heads"):
        load(folder)
    with pytest.raises(CheckpointError, match="a divisor of 32, not 5"):
        load(folder, encoder_heads=5)
    change_json(folder / "config.json", speech_encoder_heads=4)
    assert load(folder).model.config.speech_encoder_heads == 4
    with pytest.raises(CheckpointError, match="encoder_heads is 2, the configuration has 4"):
        load(folder, encoder_heads=2)


def test_the_callers_lengths_win_and_the_penalty_is_known(tmp_path: Path) -> None:
    folder = copied(tmp_path / "c")
    change_json(folder / "generation_config.json", repetition_penalty=1.05)
    loaded = load(folder, encoder_heads=HEADS, speech_length="real", long_speech="split", system="Speak softly.")
    assert (loaded.model.config.speech_length, loaded.model.config.long_speech) == ("real", "split")
    assert loaded.processor.system == "Speak softly."
    assert loaded.info.repetition_penalty == loaded.model.generation_config.repetition_penalty == 1.05
    change_json(folder / "generation_config.json", repetition_penalty="high")
    with pytest.raises(CheckpointError, match="repetition_penalty is 'high'"):
        load(folder, encoder_heads=HEADS)


def test_whispers_sizes_come_from_the_weights(tmp_path: Path) -> None:
    loaded = load(copied(tmp_path / "c"), encoder_heads=HEADS)
    stated = json.loads((tmp_path / "c" / "config.json").read_text())
    assert not {"speech_encoder_layers", "num_mel_bins", "speech_encoder_positions"} & stated.keys()
    config = loaded.model.config
    assert (config.speech_encoder_layers, config.num_mel_bins, config.speech_encoder_positions) == (2, 128, 1500)
    assert (config.speech_projector_hidden_size, config.speech_encoder_heads) == (2048, 2)
