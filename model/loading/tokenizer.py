"""Makes small ChatML tokenizers of our own and unit tokenizers for others' servers; it knows ids, no weights."""

from __future__ import annotations

import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from model.loading.corpus import EN, ZH

ENDOFTEXT, START, END, SPEECH = "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<speech>"
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LEARNT = 2048
"""Entries that are learnt at most: the corpus is small."""

TEMPLATE = (
    "{%- if not messages or messages[0]['role'] != 'system' -%}"
    "{{- '<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\\n' -}}"
    "{%- endif -%}"
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)


def chatml_tokenizer(speech_id: int, endoftext_id: int = 0) -> PreTrainedTokenizerFast:
    """Return a byte-level BPE tokenizer with Qwen's split and ChatML's control tokens.

    Every text, in any language, survives encoding and decoding. Equal arguments give equal tokenizers.

    Args:
        speech_id: id of ``<speech>``, the last one: the slot that ``<sep>`` has in the unit LM. Entries for which the
            corpus is too small are fillers that no text gives.
        endoftext_id: id of ``<|endoftext|>``; ``<|im_start|>`` and ``<|im_end|>`` follow it. 0: they come before the
            text, as in the tiny preset; Qwen2.5 has them after it.
    """
    controls = [ENDOFTEXT, START, END]
    room = endoftext_id or speech_id - len(controls)
    texts = _learnt(min(room, LEARNT))
    words = [*texts[0], *(f"[unused{index}]" for index in range(room - len(texts[0])))]
    ordered = [*words, *controls] if endoftext_id else [*controls, *words]
    ordered += [f"<|unused{index}|>" for index in range(speech_id - len(ordered))]
    made = _empty({token: index for index, token in enumerate([*ordered, SPEECH])}, texts[1])
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in (*controls, SPEECH)])
    return PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token=END, pad_token=ENDOFTEXT, additional_special_tokens=[START, SPEECH],
        chat_template=TEMPLATE, clean_up_tokenization_spaces=False, model_max_length=32_768, padding_side="right",
    )


def _learnt(size: int) -> tuple[list[str], list[tuple[str, str]]]:
    """Train on the corpus; return at most ``size`` entries in the order of their ids, and the merges."""
    trained = _empty({}, [])
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=1, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False, special_tokens=[],
    )
    trained.train_from_iterator([*ZH.strip().splitlines(), *EN.strip().splitlines()], trainer)
    vocabulary = trained.get_vocab()
    ordered = sorted(vocabulary, key=vocabulary.__getitem__)
    merges = json.loads(trained.to_str())["model"]["merges"]
    return ordered, [(left, right) for left, right in merges]


def _empty(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    made.decoder = decoders.ByteLevel()
    return made
