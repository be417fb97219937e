"""The model card that lies beside weights of ours; it knows a configuration, no weights."""

from __future__ import annotations

from pathlib import Path

from model.config import SpeechLMConfig

NAME = "README.md"
_CARD = """\
---
library_name: transformers
pipeline_tag: audio-text-to-text
language: [zh, en]
tags: [speech, medical-dialogue, research]
---
# A speech language model of the clinic simulator

{origin}

**For research only.** This is not a medical device. It has not been examined by any authority, and what it says is not
medical advice: it can be wrong, also where it sounds certain. Do not use it to diagnose, to treat or to triage people.
Talk to a physician about your health; in an emergency call the emergency services.

- Sound in: 16 kHz; {length}.
- Text: {layers} layers, {hidden} wide, {vocabulary} tokens; prompts in ChatML.
- Speech out: {speech}.
- Files: safetensors and JSON; nothing in this folder is code.
- Layout: `{layout}`.

```python
from model.checkpoint import load

loaded = load("THIS FOLDER")
```

Whatever it was trained on and started from has licences of its own, which bind you too. Recordings and dialogues that
you feed it may hold personal data: keep them where they may be kept.
"""
RANDOM = "Its weights are random: it was made for tests and benchmarks, and what it says means nothing."
SAVED = "Written by the clinic simulator."


def write_card(folder: Path, config: SpeechLMConfig, layout: str, origin: str = SAVED) -> None:
    """Write README.md into a checkpoint's folder, unless there is one: somebody's own words stay."""
    if (folder / NAME).exists():
        return
    real = "an utterance becomes ten embeddings a second" if config.speech_length == "real" else ""
    speech = "none: it writes text only"
    if config.speech_generator is not None:
        turns = f"{config.unit_chunk} after every {config.text_chunk} tokens of text"
        speech = f"{config.unit_vocab_size} units, 25 a second; {turns}"
    text = _CARD.format(
        origin=origin, layout=layout, speech=speech, layers=config.num_hidden_layers, hidden=config.hidden_size,
        vocabulary=config.vocab_size, length=real or "an utterance is padded to 30 s and becomes 300 embeddings",
    )  # fmt: skip
    (folder / NAME).write_text(text, encoding="utf-8")
