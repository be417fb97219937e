"""Turns a dialogue of typed and spoken parts into what the model takes; it knows tokens and mels, no weights.

The prompt is Qwen2.5's ChatML. Text is data: whatever looks like a control token in it is tokenized as ordinary
characters, so that nobody can end somebody else's turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from model.config import SAMPLE_RATE, SPEECH_INDEX, SpeechLMConfig
from model.errors import BadSound, CheckpointError
from model.mel import WINDOW_SAMPLES, log_mel
from model.streaming.types import Message, Speech

DEFAULT_SYSTEM = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
START, END, SPEECH_WORD = "<|im_start|>", "<|im_end|>", "<speech>"


@dataclass(frozen=True, eq=False, slots=True)
class Prompt:
    """A dialogue as the model takes it.

    ``ids``: token ids, SPEECH_INDEX once for each window of sound. ``windows``: the sounds' windows in that order,
    float32 samples of at most 30 s. ``digests``: what tells windows apart. ``rows``: embeddings of each window.
    """

    ids: tuple[int, ...]
    windows: tuple[np.ndarray, ...]
    digests: tuple[str, ...]
    rows: tuple[int, ...]

    @property
    def positions(self) -> int:
        """How many positions the prompt takes in the model."""
        return len(self.ids) - len(self.rows) + sum(self.rows)


class SpeechLMProcessor:
    """Tokenizer and front end of one model."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, config: SpeechLMConfig, system: str = "") -> None:
        """Look up the control ids. Raises CheckpointError when the tokenizer lacks them.

        Args:
            tokenizer: the checkpoint's.
            config: of the model.
            system: the system message of dialogues that have none; empty: Qwen2.5's own.
        """
        self.tokenizer, self.config, self.system = tokenizer, config, system or DEFAULT_SYSTEM
        self.start_id, self.end_id = self._control(START), self._control(END)

    @classmethod
    def from_pretrained(cls, folder: str | Path, config: SpeechLMConfig, system: str = "") -> Self:
        """Load the tokenizer of a checkpoint's folder; code in it is never run. Raises CheckpointError."""
        try:
            tokenizer = AutoTokenizer.from_pretrained(str(folder), config=config, trust_remote_code=False)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(str(folder), f"no usable tokenizer: {' '.join(str(error).split())[:300]}") from error
        return cls(tokenizer, config, system)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the tokenizer."""
        self.tokenizer.save_pretrained(str(folder))

    def prompt(self, messages: Sequence[Message]) -> Prompt:
        """Return the dialogue with the assistant's turn opened. Raises BadSound (see ``long_speech``)."""
        said = list(messages)
        if not said or said[0].role != "system":
            said.insert(0, Message("system", (self.system,)))
        ids: list[int] = []
        windows: list[np.ndarray] = []
        for message in said:
            ids += [self.start_id, *self._content(message, windows), self.end_id, *self._plain("\n")]
        ids += [self.start_id, *self._plain("assistant\n")]
        speech = [Speech(window) for window in windows]
        return Prompt(
            tuple(ids), tuple(windows), tuple(one.digest for one in speech), tuple(map(self.rows, windows))
        )

    def mels(self, windows: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the log-mel frames of sounds, float32 [N, F, bins], padded on the right, and each one's frames [N]."""
        padded = self.config.speech_length == "padded"
        made = [
            log_mel(torch.from_numpy(np.ascontiguousarray(w, np.float32)), self.config.num_mel_bins, padded=padded)
            for w in windows
        ]
        lengths = torch.tensor([len(one) for one in made])
        return torch.nn.utils.rnn.pad_sequence(made, batch_first=True), lengths

    def rows(self, window: np.ndarray) -> int:
        """Return how many embeddings a sound becomes: 300 when padded, else ten a second, begun ones whole."""
        if self.config.speech_length == "padded":
            return self.config.padded_rows
        frames = max(10, -(-len(window) // 1600) * 10)
        return frames // 2 // self.config.speech_encoder_ds_rate

    def __call__(self, dialogues: Sequence[Sequence[Message]], device: str | torch.device = "cpu") -> dict[str, Any]:
        """Return ``input_ids``, ``attention_mask`` (right-padded) and, with sound, ``speech``, ``speech_lengths``."""
        prompts = [self.prompt(messages) for messages in dialogues]
        pad = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else self.end_id
        ids = [torch.tensor(prompt.ids) for prompt in prompts]
        longest = max(map(len, ids))
        made: dict[str, Any] = {
            "input_ids": torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=pad),
            "attention_mask": torch.stack([torch.arange(longest) < len(row) for row in ids]).long(),
        }
        windows = [window for prompt in prompts for window in prompt.windows]
        if windows:
            made["speech"], made["speech_lengths"] = self.mels(windows)
        return {key: value.to(device) for key, value in made.items()}

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of generated ids, control tokens left out."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    def _content(self, message: Message, windows: list[np.ndarray]) -> list[int]:
        """Tokenize a turn; a text next to a sound stands apart from it, as around any control token."""
        ids, text = list[int](), f"{message.role}\n"
        for part in message.parts:
            if isinstance(part, str):
                text += part
                continue
            pieces = self._windows(part)
            windows += pieces
            ids += [*self._plain(text), *([SPEECH_INDEX] * len(pieces))]
            text = ""
        return ids + self._plain(text)

    def _windows(self, speech: Speech) -> list[np.ndarray]:
        samples = np.asarray(speech.samples, dtype=np.float32)
        if samples.ndim != 1 or not len(samples) or not np.isfinite(samples).all():
            raise BadSound("a spoken part must be a row of finite samples, at least one")
        if len(samples) > WINDOW_SAMPLES and self.config.long_speech != "split":
            raise BadSound(
                f"{len(samples) / SAMPLE_RATE:.1f} s of sound; the encoder's window is 30 s. Set long_speech to "
                "'split' to hear it as several utterances in a row, or shorten it: nothing is cut silently"
            )
        return [samples[begin : begin + WINDOW_SAMPLES] for begin in range(0, len(samples), WINDOW_SAMPLES)]

    def _plain(self, text: str) -> list[int]:
        ids: list[int] = []
        for index, piece in enumerate(text.split(SPEECH_WORD)):
            # the published tokenizers have a token of that name which they do not count as special
            for part in ([SPEECH_WORD[0], SPEECH_WORD[1:] + piece] if index else [piece]):
                if part:
                    ids += self.tokenizer(part, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return ids

    def _control(self, token: str) -> int:
        found = self.tokenizer.convert_tokens_to_ids(token)
        if not isinstance(found, int) or found == self.tokenizer.unk_token_id:
            raise CheckpointError(str(self.tokenizer.name_or_path), f"the tokenizer has no {token}: it is not ChatML")
        return found
