"""Runs the published LLaMA-Omni2 code as it is, for benchmarks.speechlm: commands in, figures out, one JSON line each.

It belongs into an environment of its own (transformers 4.43, openai-whisper, diffusers 0.27, hydra-core, hyperpyyaml,
lightning, onnxruntime) and imports the classes of the repositories ictnlp/LLaMA-Omni2 and shivammehta25/Matcha-TTS from
the folders it is given; nothing of this project is imported and nothing of theirs is changed. Positions
and frames are counted by looking at what its networks are called with.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch


class Reference:
    """The published model and vocoder, loaded from a folder in its own layout."""

    def __init__(self, code: str, folder: str, encoder: dict[str, int], dtype: str, device: str, vocoder: str) -> None:
        """Load everything.

        ``code`` names the folders of LLaMA-Omni2 and Matcha-TTS, separated like a PATH; ``encoder`` are Whisper's
        sizes, ``vocoder`` is a folder of flow and HiFT or empty.
        """
        sys.path[:0] = code.split(os.pathsep)
        from llama_omni2.model import Omni2Speech2SQwen2ForCausalLM
        from transformers import AutoConfig, AutoTokenizer

        self.device, self.dtype = device, getattr(torch, dtype)
        config = AutoConfig.from_pretrained(folder)
        config.tts_tokenizer = f"{folder}/tts_tokenizer"
        with tempfile.TemporaryDirectory() as scratch:
            config.speech_encoder = whisper_file(Path(scratch) / "whisper.pt", encoder)
            self.model: Any = Omni2Speech2SQwen2ForCausalLM.from_pretrained(
                folder, config=config, torch_dtype=self.dtype
            )
        self.model.to(device).eval()
        self.pad = AutoTokenizer.from_pretrained(folder).pad_token_id
        self.counts = {"prompt": 0, "unit": 0, "frames": 0}
        self._count(self.model.model, "prompt")
        self._count(self.model.speech_generator.model.model, "unit")
        self.drain = 1024
        self._bound_drain(self.model.speech_generator.model)
        self.vocoder = Vocoder(Path(vocoder), device, self.counts) if vocoder else None

    def answer(self, sounds: list[str], ids: list[int], tokens: int, drain: int, greedy_units: bool) -> dict[str, Any]:
        """Answer one prompt of exactly ``tokens`` text ids; sounds are .npy files of 16 kHz samples."""
        import whisper

        self.drain, self.greedy_units = drain, greedy_units
        self.counts.update(prompt=0, unit=0, frames=0)
        heard = Heard(self.vocoder, self.device)
        torch.manual_seed(0)
        start = self._now()
        mels = [whisper.log_mel_spectrogram(whisper.pad_or_trim(np.load(path)), n_mels=128).T for path in sounds]
        speech = torch.stack(mels).to(self.device, self.dtype) if mels else None
        heard.start = start
        out, units = self.model.generate(
            torch.tensor([ids], device=self.device), speech=speech,
            speech_lengths=torch.full((len(mels),), 3000, device=self.device) if mels else None,
            do_sample=False, min_new_tokens=tokens, max_new_tokens=tokens, pad_token_id=self.pad, use_cache=True,
            streamer_unit=heard,
        )
        heard.finish()
        total = self._now() - start
        return {
            "text_ids": out[0].tolist(), "units": heard.units, "total_s": total, "first_unit_s": heard.first_unit_s,
            "first_sound_s": heard.first_sound_s, "samples": heard.samples, "prompt_positions": self.counts["prompt"],
            "unit_positions": self.counts["unit"], "frames": self.counts["frames"] // 10,
            "emitted_frames": heard.samples // 480,
        }

    def text(self, ids: list[int], tokens: int) -> dict[str, Any]:
        """Time typed text alone, without units: the prompt and the steps after it."""
        inputs = torch.tensor([ids], device=self.device)
        keep, self.model.speech_generator.generate_units = self.model.speech_generator.generate_units, no_units
        try:
            times = []
            for count in (1, tokens):
                start = self._now()
                self.model.generate(
                    inputs, do_sample=False, min_new_tokens=count, max_new_tokens=count, pad_token_id=self.pad
                )
                times.append(self._now() - start)
        finally:
            self.model.speech_generator.generate_units = keep
        return {"step_s": (times[1] - times[0]) / (tokens - 1)}

    def _now(self) -> float:
        if self.device.startswith("cuda"):
            torch.cuda.synchronize()
        return time.perf_counter()

    def _count(self, module: Any, name: str) -> None:
        def look(_: Any, __: Any, given: dict[str, Any]) -> None:
            rows = given.get("inputs_embeds")
            rows = given.get("input_ids") if rows is None else rows
            self.counts[name] += rows.shape[0] * rows.shape[1]

        module.register_forward_pre_hook(look, with_kwargs=True)

    def _bound_drain(self, unit_lm: Any) -> None:
        """Bound the last call, which random weights would always draw out to 1,024 units."""
        generate = unit_lm.generate

        def bounded(**given: Any) -> Any:
            given["max_new_tokens"] = min(given["max_new_tokens"], self.drain)
            if self.greedy_units:
                given.update(do_sample=False, temperature=None, top_p=None)
            return generate(**given)

        unit_lm.generate = bounded


class Heard:
    """Takes units as the model's own streamer does and speaks every ten of them at once."""

    def __init__(self, vocoder: Vocoder | None, device: str) -> None:
        """Start with nothing heard."""
        self.vocoder, self.device, self.start = vocoder, device, 0.0
        self.units: list[int] = []
        self.first_unit_s: float | None = None
        self.first_sound_s: float | None = None
        self.samples = self.spoken = 0
        if vocoder:
            vocoder.reset()

    def put(self, value: torch.Tensor) -> None:
        """Take one unit."""
        if self.first_unit_s is None:
            self.first_unit_s = time.perf_counter() - self.start
        self.units.append(int(value[0]))
        if self.vocoder and len(self.units) - self.spoken == 10:
            self._speak(final=False)

    def end(self) -> None:
        """Nothing: the benchmark ends the sound itself."""

    def finish(self) -> None:
        """Speak what is left."""
        if self.vocoder and self.units:
            self._speak(final=True)

    def _speak(self, final: bool) -> None:
        self.spoken = len(self.units)
        assert self.vocoder is not None
        self.samples += len(self.vocoder.speak(self.units, final))
        if self.first_sound_s is None and self.samples:
            self.first_sound_s = time.perf_counter() - self.start


class Vocoder:
    """The repository's flow and HiFT, used as its decoder uses them: the whole history for every piece."""

    def __init__(self, folder: Path, device: str, counts: dict[str, int]) -> None:
        """Build from ``config.json`` (sizes) and ``flow.safetensors``, ``hift.safetensors``."""
        from safetensors.torch import load_file

        sizes = json.loads((folder / "config.json").read_text())
        self.flow, self.hift = build_flow(sizes["flow"]), build_hift(sizes["hift"])
        flow, noise = load_file(folder / "flow.safetensors"), None
        noise = flow.pop("init_noise", None)
        self.flow.load_state_dict(flow, strict=True)
        self.hift.load_state_dict(load_file(folder / "hift.safetensors"), strict=True)
        if noise is not None:
            self.flow.decoder.rand_noise = noise
        self.flow.to(device).eval()
        self.hift.to(device).eval()
        self.flow.decoder.fp16 = False
        self.flow.encoder.static_chunk_size = 50
        self.flow.decoder.estimator.static_chunk_size = 100
        self.device, self.fade = device, np.hamming(7680)

        self.flow.decoder.estimator.forward = counted(self.flow.decoder.estimator.forward, counts)
        self.reset()

    def reset(self) -> None:
        """Begin a new answer."""
        self.offset, self.cache = 0, None

    @torch.inference_mode()
    def speak(self, units: list[int], final: bool) -> np.ndarray:
        """Return the sound of what is new, by way of everything so far."""
        none = torch.zeros(1, 0, device=self.device)
        mel, _ = self.flow.inference(
            token=torch.tensor([units], dtype=torch.int32, device=self.device),
            token_len=torch.tensor([len(units)], dtype=torch.int32, device=self.device),
            prompt_token=none.int(), prompt_token_len=torch.tensor([0], dtype=torch.int32, device=self.device),
            prompt_feat=torch.zeros(1, 0, 80, device=self.device),
            prompt_feat_len=torch.tensor([0], dtype=torch.int32, device=self.device),
            embedding=torch.ones(1, 192, device=self.device), finalize=final,
        )
        mel = mel[:, :, 2 * self.offset :]
        source = torch.zeros(1, 1, 0, device=self.device)
        if self.cache:
            mel, source = torch.cat([self.cache["mel"], mel], dim=2), self.cache["source"]
        sound, new_source = self.hift.inference(speech_feat=mel, cache_source=source)
        if self.cache:
            fade = torch.from_numpy(self.fade).to(sound)
            sound[:, :3840] = sound[:, :3840] * fade[:3840] + self.cache["sound"][:, -3840:] * fade[3840:]
        self.offset = len(units) - 3
        self.cache = {"mel": mel[:, :, -8:], "source": new_source[:, :, -3840:], "sound": sound[:, -3840:]}
        return np.asarray((sound if final else sound[:, :-3840])[0].cpu())


def counted(forward: Any, counts: dict[str, int]) -> Any:
    """Count frames where the estimator's forward is called as a method, past its hooks."""

    def call(x: torch.Tensor, *rest: Any, **more: Any) -> Any:
        counts["frames"] += x.shape[-1]
        return forward(x, *rest, **more)

    return call


def build_flow(sizes: dict[str, Any]) -> Any:
    """Return the repository's causal flow with these sizes."""
    from cosyvoice.flow.decoder import ConditionalDecoder
    from cosyvoice.flow.flow import CausalMaskedDiffWithXvec
    from cosyvoice.flow.flow_matching import CausalConditionalCFM
    from cosyvoice.transformer.upsample_encoder import PreLookaheadLayer, Upsample1D, UpsampleConformerEncoder
    from omegaconf import DictConfig

    own = ("pre_lookahead_channels", "up_layer_channels", "num_up_blocks")
    encoder = UpsampleConformerEncoder(**{k: v for k, v in sizes["encoder"].items() if k not in own})
    width = sizes["encoder"]["output_size"]
    if width != 512:  # two layers have their width written into the source
        encoder.pre_lookahead_layer = PreLookaheadLayer(channels=width, pre_lookahead_len=3)
        encoder.up_layer = Upsample1D(channels=width, out_channels=width, stride=2)
    decoder = {k: v for k, v in sizes["decoder"].items() if k not in ("estimator", "n_timesteps")}
    cfm = CausalConditionalCFM(
        **{**decoder, "cfm_params": DictConfig(decoder["cfm_params"])},
        estimator=ConditionalDecoder(**sizes["decoder"]["estimator"]),
    )
    rest = {k: v for k, v in sizes.items() if k not in ("encoder", "decoder")}
    return CausalMaskedDiffWithXvec(**rest, encoder=encoder, decoder=cfm)


def build_hift(sizes: dict[str, Any]) -> Any:
    """Return the repository's HiFT generator with these sizes."""
    from cosyvoice.hifigan.f0_predictor import ConvRNNF0Predictor
    from cosyvoice.hifigan.generator import HiFTGenerator

    rest = {k: v for k, v in sizes.items() if k != "f0_predictor"}
    return HiFTGenerator(**rest, f0_predictor=ConvRNNF0Predictor(**sizes["f0_predictor"]))


def whisper_file(path: Path, encoder: dict[str, int]) -> str:
    """Write a Whisper of the right shape, whose weights the checkpoint's replace; return its path."""
    from whisper.model import ModelDimensions, Whisper

    width, heads = encoder["n_audio_state"], encoder["n_audio_head"]
    sizes = ModelDimensions(**encoder, n_vocab=8, n_text_ctx=8, n_text_state=width, n_text_head=heads, n_text_layer=1)
    torch.save({"dims": vars(sizes), "model_state_dict": Whisper(sizes).state_dict()}, path)
    return str(path)


def no_units(rows: Any, states: Any, ids: Any, is_finished: bool = False) -> tuple[Any, str]:
    """Stand in for the unit LM while text alone is timed."""
    return rows, ""


def main() -> None:
    """Answer commands until the input ends."""
    model: Reference | None = None
    for line in sys.stdin:
        command = json.loads(line)
        what = command.pop("do")
        if what == "load":
            model = Reference(**command)
            reply: dict[str, Any] = {"torch": torch.__version__}
        else:
            assert model is not None, "load first"
            reply = getattr(model, {"answer": "answer", "text": "text"}[what])(**command)
        sys.stdout.write(json.dumps({"reply": reply}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
