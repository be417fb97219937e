"""FunASR models in this process, from folders as they are published; it decodes nothing itself."""

from __future__ import annotations

from pathlib import Path

from agents.listeners.funasr_decoding import FunASRRecogniser
from agents.listeners.funasr_folder import ModelFolder
from agents.listeners.funasr_options import FunASROptions
from agents.listeners.in_process import InProcessListener, need

__all__ = ["FunASRListener", "FunASROptions"]


class FunASRListener(InProcessListener):
    """Understands sound with SenseVoiceSmall or a Paraformer.

    Nothing is downloaded, and no code that lies beside the weights is run. SenseVoice's marks of language, mood and
    noise are taken off: what a doctor reads is words.
    """

    def __init__(self, options: FunASROptions) -> None:
        """Look at the folder and hash its files; raises MissingExtra, or InputError that says how to get it."""
        need(("funasr", "torch", "soxr", "sentencepiece", "kaldi_native_fbank"), "funasr")
        folder = ModelFolder.opened(Path(options.model).expanduser(), options.model)
        super().__init__(FunASRRecogniser(options, folder), options.batch_size, options.batch_wait_ms)
