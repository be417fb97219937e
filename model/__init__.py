"""Floor 1: the SpeechLM (Whisper encoder, adaptor, Qwen2, unit LM, vocoder); it knows no clinic.

Importing this package imports nothing heavy: take what is needed from its modules.
"""
