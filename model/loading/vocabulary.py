"""Checks that tokenizers, unit ids, end ids and embeddings belong together; it knows ids, no weights."""

from __future__ import annotations

import json
from collections.abc import Mapping

from transformers import PreTrainedTokenizerBase

from model.config import SpeechLMConfig
from model.errors import CheckpointError
from model.loading.folder import Folder

SPEECH, SEP = "<speech>", "<sep>"


def check_files(folder: Folder) -> None:
    """Raise CheckpointError when a folder has no tokenizer: transformers would make an empty one."""
    if folder.file("tokenizer.json") is None and None in (folder.file("vocab.json"), folder.file("merges.txt")):
        problem = "no usable tokenizer: tokenizer.json, or vocab.json with merges.txt, is missing"
        raise CheckpointError(str(folder), problem)
    for name in ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja"):
        folder.file(name)


def check_vocabulary(folder: Folder, tokenizer: PreTrainedTokenizerBase, config: SpeechLMConfig, end_id: int) -> None:
    """Compare a checkpoint's tokenizer and, where it has one, its unit tokenizer with the model's sizes.

    Args:
        folder: of the checkpoint.
        tokenizer: of its text.
        config: of its model.
        end_id: of ``<|im_end|>``.

    Raises:
        CheckpointError: ids without an embedding, text ids that are taken for units, an answer that could never end.
    """
    wrong = _text(tokenizer, config, end_id)
    if config.speech_generator is not None:
        wrong += _units(tokenizer, config)
        wrong += _unit_tokenizer(folder, config)
    if wrong:
        raise CheckpointError(str(folder), f"another vocabulary than the weights': {'; '.join(wrong)}")


def _text(tokenizer: PreTrainedTokenizerBase, config: SpeechLMConfig, end_id: int) -> list[str]:
    wrong = []
    # The placeholder is never embedded: it may lie behind the last row.
    beyond = {token: index for token, index in tokenizer.get_vocab().items() if index >= config.vocab_size}
    if not set(beyond) <= {SPEECH}:
        token, index = max(beyond.items(), key=lambda item: item[1])
        wrong.append(
            f"the tokenizer has {len(beyond)} ids without an embedding (up to {token!r} = {index}; "
            f"vocab_size is {config.vocab_size})"
        )
    outside = [index for index in config.end_ids if index >= config.vocab_size]
    if outside:
        wrong.append(f"eos_token_id {outside} is not below vocab_size {config.vocab_size}")
    if end_id not in config.end_ids:
        wrong.append(f"<|im_end|> is {end_id} and eos_token_id is {list(config.end_ids)}: answers would not end")
    return wrong


def _units(tokenizer: PreTrainedTokenizerBase, config: SpeechLMConfig) -> list[str]:
    wrong = []
    texts = {token: index for token, index in tokenizer.get_vocab().items() if token != SPEECH}
    taken = {token: index for token, index in texts.items() if index >= config.sep_id}
    if taken:
        token, index = min(taken.items(), key=lambda item: item[1])
        wrong.append(
            f"{len(taken)} text ids lie where the speech generator has <sep> ({config.sep_id}) and its "
            f"{config.unit_vocab_size} units, first {token!r} = {index}"
        )
    end = config.unit_lm.eos_token_id
    ends = end if isinstance(end, list) else [end]
    if not ends or any(type(one) is not int or not 0 <= one < config.unit_lm.vocab_size for one in ends):
        wrong.append(f"the speech generator's eos_token_id is {end!r}, its vocab_size {config.unit_lm.vocab_size}")
    elif any(config.sep_id <= one < config.first_unit_id + config.unit_vocab_size for one in ends if one is not None):
        wrong.append(f"the speech generator's eos_token_id {end} is one of its units")
    return wrong


def _unit_tokenizer(folder: Folder, config: SpeechLMConfig) -> list[str]:
    """Compare ``tts_tokenizer`` inside the folder; other places that the configuration may name are not read."""
    inside = folder.sub("tts_tokenizer")
    ids = _ids(inside) if inside is not None else {}
    if not ids:
        return []
    wanted = {SEP: config.sep_id, "<0>": config.first_unit_id}
    last = config.unit_vocab_size - 1
    wanted[f"<{last}>"] = config.first_unit_id + last
    return [
        f"tts_tokenizer has {token} = {ids.get(token)}, the model {index}"
        for token, index in wanted.items()
        if ids.get(token) != index
    ]


def _ids(folder: Folder) -> Mapping[str, int]:
    """Return the added tokens of a tokenizer's files, which is where units are; {} where none are listed."""
    found: dict[str, int] = {}
    try:
        listed = folder.json("tokenizer.json", needed=False).get("added_tokens", [])
        found |= {entry["content"]: entry["id"] for entry in listed}
        decoder = folder.json("tokenizer_config.json", needed=False).get("added_tokens_decoder", {})
        found |= {entry["content"]: int(index) for index, entry in decoder.items()}
        found |= folder.json("added_tokens.json", needed=False)
    except (KeyError, TypeError, ValueError, AttributeError, json.JSONDecodeError) as error:
        raise CheckpointError(str(folder), f"its added tokens are not readable: {error}") from error
    return found
