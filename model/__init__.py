"""Floor 1: the SpeechLM will live here; this release ships the package without code, so that names stay reserved."""
