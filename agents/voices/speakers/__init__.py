"""Reference speakers for voices that speak like a recording: the table, its builders, its check."""

from agents.voices.speakers.table import Reference, Speaker, SpeakerTable

__all__ = ["Reference", "Speaker", "SpeakerTable"]
