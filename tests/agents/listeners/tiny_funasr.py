"""SenseVoiceSmall and Paraformer folders with random weights in the published layout, made on the spot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

SAID = "我从昨天开始发烧咳嗽没有胸痛不对青霉素过敏每天吃两次药头晕恶心肚子疼了三天医生您好请问哪里舒服多久几岁"
MELS, LFR = 80, 7
ENCODER = {
    "output_size": 16, "attention_heads": 2, "linear_units": 32, "num_blocks": 2, "dropout_rate": 0.1,
    "positional_dropout_rate": 0.1, "attention_dropout_rate": 0.1, "input_layer": "pe",
    "pos_enc_class": "SinusoidalPositionEncoder", "normalize_before": True, "kernel_size": 11, "sanm_shfit": 0,
    "selfattention_layer_type": "sanm",
}
FRONTEND = {
    "fs": 16000, "window": "hamming", "n_mels": MELS, "frame_length": 25, "frame_shift": 10, "lfr_m": LFR, "lfr_n": 6,
    "cmvn_file": None,
}
COMMON: dict[str, Any] = {
    "frontend": "WavFrontend", "frontend_conf": FRONTEND, "input_size": MELS * LFR, "normalize": None,
    "ctc_conf": {"dropout_rate": 0.0, "ctc_type": "builtin", "reduce": True, "ignore_nan_grad": True},
    "specaug": "SpecAugLFR", "specaug_conf": {
        "apply_time_warp": False, "apply_freq_mask": True, "freq_mask_width_range": [0, 30], "lfr_rate": 6,
        "num_freq_mask": 1, "apply_time_mask": True, "time_mask_width_range": [0, 12], "num_time_mask": 1,
    },
    "train_conf": {"accum_grad": 1, "max_epoch": 20}, "optim": "adamw", "optim_conf": {"lr": 2e-5},
    "dataset": "SenseVoiceCTCDataset", "dataset_conf": {"index_ds": "IndexDSJsonl"},
}


def sense_voice(folder: Path, seed: int = 1) -> Path:
    """Write a folder like SenseVoiceSmall's; the published one names its tokenizer's file in configuration.json."""
    folder.mkdir()
    name = "chn_jpn_yue_eng_ko_spectok.bpe.model"
    _sentencepieces(folder / name)
    _write(folder, {
        **COMMON, "model": "SenseVoiceSmall",
        "model_conf": {"length_normalized_loss": True, "sos": 1, "eos": 2, "ignore_id": -1},
        "encoder": "SenseVoiceEncoderSmall", "encoder_conf": {**ENCODER, "tp_blocks": 1},
        "tokenizer": "SentencepiecesTokenizer",
        "tokenizer_conf": {"bpemodel": None, "unk_symbol": "<unk>", "split_with_space": True},
    }, {"init_param": "model.pt", "config": "config.yaml", "tokenizer_conf": {"bpemodel": name},
        "frontend_conf": {"cmvn_file": "am.mvn"}}, seed)
    return folder


def paraformer(folder: Path, seed: int = 1) -> Path:
    """Write a folder like Paraformer-large's, without a configuration.json."""
    folder.mkdir()
    tokens = ["<blank>", "<s>", "</s>", *dict.fromkeys(SAID), "pain@@", "ful", "<unk>"]
    (folder / "tokens.json").write_text(json.dumps(tokens, ensure_ascii=False), "utf-8")
    (folder / "seg_dict").write_text("painful pain@@ ful\n", "utf-8")
    _write(folder, {
        **COMMON, "model": "Paraformer",
        "model_conf": {
            "ctc_weight": 0.0, "lsm_weight": 0.1, "length_normalized_loss": True, "predictor_weight": 1.0,
            "predictor_bias": 1, "sampling_ratio": 0.75,
        },
        "encoder": "SANMEncoder", "encoder_conf": ENCODER,
        "decoder": "ParaformerSANMDecoder", "decoder_conf": {
            "attention_heads": 2, "linear_units": 32, "num_blocks": 1, "dropout_rate": 0.1,
            "positional_dropout_rate": 0.1, "self_attention_dropout_rate": 0.1, "src_attention_dropout_rate": 0.1,
            "att_layer_num": 1, "kernel_size": 11, "sanm_shfit": 0,
        },
        "predictor": "CifPredictorV2",
        "predictor_conf": {"idim": 16, "threshold": 1.0, "l_order": 1, "r_order": 1, "tail_threshold": 0.45},
        "tokenizer": "CharTokenizer", "tokenizer_conf": {"unk_symbol": "<unk>", "split_with_space": True},
    }, None, seed)
    return folder


def _write(folder: Path, config: dict[str, Any], names: dict[str, Any] | None, seed: int) -> None:
    """Write configuration, statistics and weights; the weights come from FunASR's own classes."""
    import torch
    from funasr import AutoModel

    from agents.listeners.funasr_folder import ModelFolder

    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
    if names is not None:
        (folder / "configuration.json").write_text(json.dumps({"file_path_metas": names}), "utf-8")
    _statistics(folder / "am.mvn")
    (folder / "model.pt").write_bytes(b"")
    settings = ModelFolder.opened(folder, str(folder)).settings
    with torch.random.fork_rng():
        model, _ = AutoModel.build_model(model=config["model"], device="cpu", ncpu=1, **settings)
        torch.manual_seed(seed)
        for name, weights in model.named_parameters():
            scale = "norm" in name and name.endswith("weight")
            torch.nn.init.normal_(weights, mean=float(scale), std=0.5 if "ctc" in name else 0.3)
            if name == "predictor.cif_output.bias":
                weights.data += 1.0  # so that a token is heard every few frames
    torch.save(model.state_dict(), folder / "model.pt")


def _statistics(file: Path) -> None:
    """Write shift and scale of every feature, as Kaldi's text form has them."""
    size = MELS * LFR
    numbers = {"AddShift": ["-8.3"] * size, "Rescale": ["0.155"] * size}
    lines = ["<Nnet>", f"<Splice> {size} {size}", "[ 0 ]"]
    for kind, values in numbers.items():
        lines += [f"<{kind}> {size} {size}", f"<LearnRateCoef> 0 [ {' '.join(values)} ]"]
    file.write_text("\n".join([*lines, "</Nnet>", ""]), "utf-8")


def _sentencepieces(file: Path) -> None:
    import sentencepiece

    marks = ["<|zh|>", "<|en|>", "<|NEUTRAL|>", "<|HAPPY|>", "<|Speech|>", "<|withitn|>", "<|woitn|>"]
    sentences = [SAID[start : start + 8] for start in range(0, len(SAID), 4)] + ["the pain in my chest", "three days"]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences * 4), model_prefix=str(file.with_suffix("")), vocab_size=140,
        character_coverage=1.0, user_defined_symbols=marks, hard_vocab_limit=False, minloglevel=2,
    )
    file.with_suffix(".vocab").unlink(missing_ok=True)
