"""Random weights at the shapes of the published models, in their own layout, for benchmarks.speechlm; nothing is timed.

``tiny`` here is the shape of this project's tiny preset with 128 mel bins, padded turns and the wide adaptor that the
published code has built in. Ends of text are taken out of our configuration, so that every answer has the length that
is asked for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from model.checkpoint import export
from model.config import LlamaOmni2Config, SpeechLMConfig
from model.loading.tokenizer import chatml_tokenizer
from model.presets import PRESETS
from model.processor import SpeechLMProcessor
from model.speech_lm import LlamaOmni2, register
from model.vocoder.config import VocoderConfig
from model.vocoder.cosyvoice import CosyVoice2Vocoder
from model.vocoder.flow import Flow
from model.vocoder.hift import Hift

SEED = 7
DRAIN = 10
"""Units after the text: random weights would always draw the last call out to 1,024."""

SMALL_VOCODER: dict[str, Any] = {
    "encoder": {"output_size": 64, "input_size": 64, "attention_heads": 2, "linear_units": 128, "num_blocks": 2},
    "estimator": {"channels": [64], "attention_head_dim": 32, "n_blocks": 1, "num_mid_blocks": 2, "num_heads": 2},
    "hift": {"base_channels": 64, "cond_channels": 64},
}
FULL_VOCODER: dict[str, Any] = {
    "encoder": {"output_size": 512, "input_size": 512, "attention_heads": 8, "linear_units": 2048, "num_blocks": 6},
    "estimator": {"channels": [256], "attention_head_dim": 64, "n_blocks": 4, "num_mid_blocks": 12, "num_heads": 8},
    "hift": {"base_channels": 512, "cond_channels": 512},
}


@dataclass(frozen=True, slots=True)
class Made:
    """What was made: ``folder/model`` and ``folder/vocoder`` for the published code, the same loaded for ours."""

    folder: Path
    config: SpeechLMConfig
    encoder: dict[str, int]
    model: LlamaOmni2
    processor: SpeechLMProcessor
    vocoder: CosyVoice2Vocoder


def make(shape: str, depth: float, folder: Path, device: str, dtype: str) -> Made:
    """Make and write everything; ``depth`` is the share of all layers that is kept."""
    register()
    torch.manual_seed(SEED)
    sizes = shaped(shape, depth)
    config = LlamaOmni2Config(**sizes)
    model = LlamaOmni2(config).to(getattr(torch, dtype)).eval()
    assert model.speech_generator is not None
    with torch.no_grad():  # else random weights mostly pick text ids, which are no units
        model.speech_generator.model.get_input_embeddings().weight[: config.first_unit_id] = 0
    end = int(sizes["eos_token_id"])
    processor = SpeechLMProcessor(chatml_tokenizer(config.sep_id, end - 2 if shape != "tiny" else 0), config)
    export(model, folder / "model", layout="llama-omni2", dtype=dtype, processor=processor)
    vocoder = make_vocoder(FULL_VOCODER if shape != "tiny" else SMALL_VOCODER, depth, folder / "vocoder")
    for file in (folder / "model").rglob("tokenizer.json"):
        readable_by_old_versions(file)
    config.max_drain_units = DRAIN
    config.eos_token_id = None
    model.generation_config.eos_token_id = None
    encoder = {
        "n_mels": config.num_mel_bins, "n_audio_ctx": 1500, "n_audio_state": config.speech_encoder_hidden_size,
        "n_audio_head": config.speech_encoder_heads, "n_audio_layer": config.speech_encoder_layers,
    }
    vocoder.flow.to(device)
    vocoder.hift.to(device)
    return Made(folder, config, encoder, model.to(device), processor, vocoder)


def readable_by_old_versions(file: Path) -> None:
    """Write merges as texts, as the versions before 0.20 of the tokenizers package read them."""
    written = json.loads(file.read_text("utf-8"))
    merges = written["model"].get("merges", [])
    written["model"]["merges"] = [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]
    file.write_text(json.dumps(written, ensure_ascii=False), "utf-8")


def shaped(shape: str, depth: float) -> dict[str, Any]:
    """Return the configuration's keys with fewer layers."""
    sizes = json.loads(json.dumps(PRESETS[shape]))
    if shape == "tiny":
        sizes |= {"num_mel_bins": 128, "speech_length": "padded", "speech_projector_hidden_size": 2048}
    sizes["num_hidden_layers"] = max(1, round(sizes["num_hidden_layers"] * depth))
    unit_lm = sizes["speech_generator"]
    unit_lm["num_hidden_layers"] = max(1, round(unit_lm["num_hidden_layers"] * depth))
    sizes["speech_encoder_layers"] = max(1, round(sizes.get("speech_encoder_layers", 32) * depth))
    return dict(sizes)


def make_vocoder(sizes: dict[str, Any], depth: float, folder: Path) -> CosyVoice2Vocoder:
    """Write and return a vocoder with random weights."""
    layers = {key: max(1, round(sizes["estimator"][key] * depth)) for key in ("num_mid_blocks",)}
    recorded = {
        "flow": {
            "input_size": sizes["encoder"]["input_size"], "output_size": 80, "spk_embed_dim": 192, "output_type": "mel",
            "vocab_size": 6561, "input_frame_rate": 25, "only_mask_loss": True, "token_mel_ratio": 2,
            "pre_lookahead_len": 3,
            "encoder": {
                **sizes["encoder"], "dropout_rate": 0.1, "positional_dropout_rate": 0.1, "attention_dropout_rate": 0.1,
                "normalize_before": True, "input_layer": "linear", "pos_enc_layer_type": "rel_pos_espnet",
                "selfattention_layer_type": "rel_selfattn", "use_cnn_module": False, "macaron_style": False,
                "num_up_blocks": 4,
            },
            "decoder": {
                "in_channels": 240, "n_spks": 1, "spk_emb_dim": 80, "n_timesteps": 10,
                "cfm_params": {
                    "sigma_min": 1e-6, "solver": "euler", "t_scheduler": "cosine", "training_cfg_rate": 0.2,
                    "inference_cfg_rate": 0.7, "reg_loss_type": "l1",
                },
                "estimator": {
                    "in_channels": 320, "out_channels": 80, "causal": True, "dropout": 0.0, "act_fn": "gelu",
                    **sizes["estimator"], **layers,
                },
            },
        },
        "hift": {
            "in_channels": 80, "sampling_rate": 24_000, "nsf_alpha": 0.1, "nsf_sigma": 0.003,
            "nsf_voiced_threshold": 10, "upsample_rates": [8, 5, 3], "upsample_kernel_sizes": [16, 11, 7],
            "istft_params": {"n_fft": 16, "hop_len": 4},
            "resblock_kernel_sizes": [3, 7, 11], "resblock_dilation_sizes": [[1, 3, 5]] * 3,
            "source_resblock_kernel_sizes": [7, 7, 11], "source_resblock_dilation_sizes": [[1, 3, 5]] * 3,
            "lrelu_slope": 0.1, "audio_limit": 0.99, "base_channels": sizes["hift"]["base_channels"], "nb_harmonics": 8,
            "f0_predictor": {"num_class": 1, "in_channels": 80, "cond_channels": sizes["hift"]["cond_channels"]},
        },
    }
    config = VocoderConfig.from_dict(recorded)
    flow, hift = Flow(config.flow).eval(), Hift(config.hift).eval()
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(recorded), "utf-8")
    save_file({key: value.contiguous() for key, value in flow.state_dict().items()}, folder / "flow.safetensors")
    save_file({key: value.contiguous() for key, value in hift.state_dict().items()}, folder / "hift.safetensors")
    return CosyVoice2Vocoder(config, flow, hift, torch.ones(192))
