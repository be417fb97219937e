"""Small corpora in the published folder layouts of AISHELL, with noise for speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agents.sound.wave import Sound, wav_bytes

SENTENCE = "今天早上起来以后我觉得肚子有一点疼"
"""17 characters."""


def write_wav(path: Path, seconds: float, rate_hz: int = 16_000) -> None:
    """Write noise of that length."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).normal(0, 0.05, round(seconds * rate_hz)).astype(np.float32)
    path.write_bytes(wav_bytes(Sound(noise, rate_hz)))


def aishell3(root: Path, speakers: dict[str, tuple[str, str]], utterances: int = 4) -> Path:
    """Write AISHELL-3: ``speakers`` maps SSB numbers to age letter and sex; the even ones are in the test set."""
    listed = ["# SPKID\tAge(in years, A:< 14, B:14 - 25, C:26 - 40, D:> 41)\tGender\tAccent"]
    content: dict[str, list[str]] = {"train": [], "test": []}
    for index, (speaker, (age, sex)) in enumerate(speakers.items()):
        listed.append(f"{speaker}\t{age}\t{sex}\tnorth")
        part = "train" if index % 2 else "test"
        for number in range(1, utterances + 1):
            name = f"{speaker}{number:04d}.wav"
            content[part].append(name + "\t" + " ".join(f"{character} jin{number}" for character in SENTENCE))
            write_wav(root / part / "wav" / speaker / name, 3.5 + number / 10)
    (root / "spk-info.txt").write_text("\n".join(listed) + "\n", encoding="utf-8")
    for part, lines in content.items():
        (root / part).mkdir(parents=True, exist_ok=True)
        (root / part / "content.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def aishell2_set(data: Path, speakers: list[str], channel: str = "I") -> Path:
    """Write one set of AISHELL-2 or of the evaluation set: trans.txt, wav.scp, wav/C0001/IC0001W0001.wav."""
    trans, listed = [], []
    for speaker in speakers:
        for number in range(1, 4):
            name = f"{channel}{speaker}W{number:04d}"
            trans.append(f"{name}\t{SENTENCE}")
            listed.append(f"{name}\twav/{speaker}/{name}.wav")
            write_wav(data / "wav" / speaker / f"{name}.wav", 4.0)
    (data / "trans.txt").write_text("\n".join(trans) + "\n", encoding="utf-8")
    (data / "wav.scp").write_text("\n".join(listed) + "\n", encoding="utf-8")
    return data
