"""Puts the embeddings of spoken utterances where they belong in a prompt; it knows rows, not what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from model.config import SPEECH_INDEX
from model.errors import SpeechLMError

IGNORED = -100


@dataclass(frozen=True, slots=True)
class Spliced:
    """Right-padded rows: ``embeds`` [B, L, hidden], ``mask`` and ``labels`` [B, L] int64."""

    embeds: torch.Tensor
    mask: torch.Tensor
    labels: torch.Tensor


def splice(
    input_ids: torch.Tensor,
    speech: Sequence[torch.Tensor],
    embed: Callable[[torch.Tensor], torch.Tensor],
    attention_mask: torch.Tensor | None = None,
    labels: torch.Tensor | None = None,
) -> Spliced:
    """Replace each SPEECH_INDEX by the rows of the next utterance.

    Pads (mask 0) are removed first; rows are padded again on the right with zeros, mask 0 and label -100. Utterances
    have the label -100.

    Args:
        input_ids: [B, T].
        speech: rows [n, hidden] of each utterance, in reading order over the whole batch.
        embed: ids [n] -> [n, hidden].
        attention_mask: [B, T]; None: everything counts.
        labels: [B, T]; None: nothing is learnt.

    Raises:
        SpeechLMError: when the batch names more or fewer utterances than were given.
    """
    wanted = int(((input_ids == SPEECH_INDEX) & (attention_mask != 0 if attention_mask is not None else True)).sum())
    if wanted != len(speech):
        raise SpeechLMError(f"the prompt has a place for {wanted} spoken utterances, {len(speech)} were given")
    remaining = iter(speech)
    rows, targets = [], []
    for index, ids in enumerate(input_ids):
        kept = attention_mask[index].bool() if attention_mask is not None else torch.ones_like(ids, dtype=torch.bool)
        said = labels[index][kept] if labels is not None else torch.full_like(ids[kept], IGNORED)
        row, target = _one(ids[kept], said, remaining, embed)
        rows.append(row)
        targets.append(target)
    pad = torch.nn.utils.rnn.pad_sequence
    lengths = torch.tensor([len(row) for row in rows], device=input_ids.device)
    mask = torch.arange(int(lengths.max()), device=input_ids.device) < lengths[:, None]
    return Spliced(pad(rows, batch_first=True), mask.long(), pad(targets, batch_first=True, padding_value=IGNORED))


def _one(
    ids: torch.Tensor,
    labels: torch.Tensor,
    speech: Iterator[torch.Tensor],
    embed: Callable[[torch.Tensor], torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor]:
    is_speech = ids == SPEECH_INDEX
    words = embed(ids.masked_fill(is_speech, 0))
    rows, targets, begin = [], [], 0
    for place in is_speech.nonzero()[:, 0].tolist():
        heard = next(speech).to(words)
        rows += [words[begin:place], heard]
        targets += [labels[begin:place], labels.new_full((len(heard),), IGNORED)]
        begin = place + 1
    return torch.cat([*rows, words[begin:]]), torch.cat([*targets, labels[begin:]])
