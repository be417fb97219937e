"""Loads checkpoints, published ones and ours, whole or not at all, and writes them; it knows files, no conversation."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from model.config import LongSpeech, SpeechLength
from model.errors import SpeechLMError
from model.loading.adapters import add_adapter
from model.loading.card import SAVED, write_card
from model.loading.choices import DTYPES, device_of, dtype_of, generation_of
from model.loading.exporting import Layout, config_of, generation_json, stored_tensors
from model.loading.folder import Folder
from model.loading.hub import find
from model.loading.info import CheckpointInfo, describe
from model.loading.placing import check_keys, empty_model, fill, tied
from model.loading.plan import make_plan
from model.loading.published import Wishes
from model.loading.quantizing import quantize_layers
from model.loading.tokenizer_files import write_tokenizer, write_unit_tokenizer
from model.loading.vocabulary import check_files, check_vocabulary
from model.loading.vocoders import open_vocoder
from model.loading.writing import SHARD_BYTES, whole_folder, write_json, write_weights
from model.processor import SpeechLMProcessor
from model.speech_lm import SpeechLM, register
from model.vocoder.base import Vocoder

__all__ = ["CheckpointInfo", "Layout", "Loaded", "export", "load"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model ready for use, its processor, its vocoder (None: text and units only) and what it is."""

    model: SpeechLM
    processor: SpeechLMProcessor
    vocoder: Vocoder | None
    info: CheckpointInfo


def load(
    folder: str | Path, *, device: str = "auto", dtype: str = "auto", attention: str = "auto",
    adapter: str | Path | None = None, merge: bool = True, quantization: str = "", whisper: str | Path | None = None,
    vocoder: str | Path | None = None, speaker: str | Path | None = None, voice: str | None = None,
    encoder_heads: int | None = None, speech_length: SpeechLength | None = None, long_speech: LongSpeech | None = None,
    system: str = "", text_only: bool = False, revision: str = "", download: bool = False,
) -> Loaded:  # fmt: skip
    """Load a checkpoint: LLaMA-Omni2's, SpeechMedAssist's or our own layout, one file or shards.

    Needs memory for the model itself and one tensor more. Nothing in the files is run.

    Args:
        folder: of the checkpoint, or the name of a repository in the local cache (model/loading/hub.py).
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` ...
        dtype: ``auto`` (as stored), ``float32``, ``bfloat16``, ``float16``.
        attention: ``auto`` (sdpa), ``sdpa``, ``flash_attention_2``, ``eager``.
        adapter: folder of a LoRA adapter (peft).
        merge: the adapter is added to the weights; False: it stays beside them.
        quantization: ``8bit`` or ``4bit`` for the Qwen2 layers (bitsandbytes); an adapter then must stay beside them.
        whisper: an openai/whisper ``.pt`` that takes the place of the checkpoint's speech encoder.
        vocoder: folder of another vocoder than the checkpoint's own ``vocoder/``.
        speaker: file of the x-vector for CosyVoice2's vocoder (model/loading/vocoders.py).
        voice: which one, where that file has several.
        encoder_heads: of a Whisper that has not 64 a head and whose configuration does not say.
        speech_length: ``padded`` or ``real``, other than the checkpoint's (SpeechLMConfig).
        long_speech: ``refuse`` or ``split``, other than the checkpoint's.
        system: system message of dialogues that have none; empty: Qwen2.5's own.
        text_only: leave the speech generator out.
        revision: branch, tag or commit of a repository.
        download: fetch a repository that is not in the cache.

    Raises:
        CheckpointError: what does not fit, with every key that is missing, unexpected or of another shape.
        NeedsPackage: a package for what was asked is not installed.
        SpeechLMError: a choice that does not exist.
    """
    register()
    if quantization and adapter is not None and merge:
        raise SpeechLMError("an adapter cannot be merged into quantized weights: give merge=False, or no quantization")
    source = Folder(find(folder, revision=revision, download=download))
    wishes = Wishes(encoder_heads, speech_length, long_speech, text_only)
    plan = make_plan(source, wishes, whisper)
    model = empty_model(plan.config, attention)
    check_keys(model, plan.weights, str(source))
    check_files(source)
    processor = SpeechLMProcessor.from_pretrained(source.path, plan.config, system)
    check_vocabulary(source, processor.tokenizer, plan.config, processor.end_id)
    generation = generation_of(source, plan.config, processor.tokenizer.pad_token_id)
    where, number = device_of(device), dtype_of(dtype, plan.weights)
    shared, every = tied(plan.config), model.named_parameters(remove_duplicate=False)
    size = sum(parameter.numel() for key, parameter in every if key not in shared)
    place = quantize_layers(model, quantization, number, where) if quantization else None
    fill(model, plan.tensors(), number, where, str(source), place)
    model.generation_config = generation
    parts = {"checkpoint": source}
    if adapter is not None:
        parts["adapter"] = Folder(find(adapter, download=download))
        model = add_adapter(model, parts["adapter"], merge=merge)
    voiced = None
    own = Folder(find(vocoder, download=download)) if vocoder is not None else source.sub("vocoder")
    if vocoder is not None and model.speech_generator is None:
        raise SpeechLMError(f"{source} writes text only: a vocoder has nothing to say with it")
    if own is not None and model.speech_generator is not None:
        parts["vocoder"] = own
        voiced = open_vocoder(own, where, speaker, voice, plan.config.unit_vocab_size)
    extra = f"{number} {quantization} {Path(whisper).name if whisper else ''}"
    info = describe(folder, list(parts.values()), extra, plan.layout, model, size, voiced is not None)
    return Loaded(model, processor, voiced, info)


def export(
    source: Loaded | SpeechLM, folder: str | Path, layout: Layout = "llama-omni2", *, dtype: str = "bfloat16",
    processor: SpeechLMProcessor | None = None, shard_bytes: int = SHARD_BYTES, origin: str = SAVED,
) -> Path:  # fmt: skip
    """Write a model as a checkpoint of its own: whole, or not at all.

    Args:
        source: what ``load`` returned, or a model, then with its ``processor``.
        folder: new, or empty.
        layout: ``llama-omni2``, ``speechmedassist`` (keys, configuration and unit tokenizer as published, so that
            other readers of those can serve it) or ``clinic``.
        dtype: of what is stored: ``float32``, ``bfloat16`` or ``float16``.
        processor: of the model.
        shard_bytes: size of a weight file at most.
        origin: a sentence for the model card.

    Returns:
        The folder. The vocoder that lies in the source's folder is copied with it.

    Raises:
        CheckpointError: something is there already, or the model has an unmerged adapter or quantized layers.
        SpeechLMError: a choice that does not exist, no processor.
    """
    model = source if isinstance(source, SpeechLM) else source.model
    processor = source.processor if isinstance(source, Loaded) else processor
    if layout not in get_args(Layout):
        raise SpeechLMError(f"layout is {layout!r}; choose {', '.join(get_args(Layout))}")
    if dtype not in DTYPES:
        raise SpeechLMError(f"dtype is {dtype!r}; choose {', '.join(DTYPES)}")
    if processor is None:
        raise SpeechLMError("a checkpoint needs the tokenizer: give the model's processor")
    tensors, config = stored_tensors(model, layout), model.config
    with whole_folder(Path(folder)) as made:
        write_weights(made, tensors, DTYPES[dtype], shard_bytes)
        write_json(made / "config.json", config_of(config, layout, DTYPES[dtype]))
        write_json(made / "generation_config.json", generation_json(model))
        write_tokenizer(made, processor.tokenizer, layout)
        if config.speech_generator is not None and layout != "clinic":
            write_unit_tokenizer(made / "tts_tokenizer", made, config)
        if isinstance(source, Loaded) and (vocoder := Folder(source.info.folder).sub("vocoder")) is not None:
            shutil.copytree(vocoder.path, made / "vocoder")
        write_card(made, config, layout, origin)
    return Path(folder)
