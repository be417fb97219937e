"""What Prometheus may ask: one registry an application; counters of the engine are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agents.doctors.speechlm import Ended

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "clinic_doctor"
SECONDS = (0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
PATHS = frozenset({"/", "/health", "/metrics", "/openapi.json", "/v1/models", "/v1/chat/completions"})

GAUGES = {
    "running": ("running_streams", "Answers that are being made."),
    "waiting": ("waiting_streams", "Answers that wait for a place among those."),
    "kept_bytes": ("kept_cache_bytes", "Bytes of caches of earlier turns that are kept."),
}
COUNTERS = {
    "prompt_positions": ("prompt_tokens", "Positions of prompts."),
    "cached_positions": ("cached_prompt_tokens", "Positions of prompts that were not computed again."),
    "text_ids": ("completion_tokens", "Text ids that were made."),
    "unit_ids": ("speech_units", "Speech units that were made."),
    "unit_positions": ("unit_positions", "Positions that the unit LM computed."),
    "vocoder_frames_computed": ("vocoder_frames_computed", "Frames that the vocoder computed."),
    "vocoder_frames_emitted": ("vocoder_frames_emitted", "Frames that the vocoder gave out."),
}


class Metrics:
    """The numbers of one server."""

    def __init__(self, counters: Callable[[], Any]) -> None:
        """``counters`` returns those of the engine."""
        self._registry = registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            f"{PREFIX}_requests", "Requests by path and status; 499: the client left.", ["path", "code"],
            registry=registry,
        )
        self._answers = Counter(
            f"{PREFIX}_answers", "Answers by how they ended.", ["finish"], registry=registry
        )
        self._heard = Counter(f"{PREFIX}_audio_in_seconds", "Seconds of sound in requests.", registry=registry)
        self._spoken = Counter(f"{PREFIX}_audio_out_seconds", "Seconds of sound in answers.", registry=registry)
        self._first_text = self._histogram("time_to_first_token_seconds", "From request to first text.")
        self._first_sound = self._histogram("time_to_first_audio_seconds", "From request to first sound.")
        self._queued = self._histogram("queue_seconds", "From request until work on it began.")
        self._total = self._histogram("answer_seconds", "From request to the end of its answer.")
        for finish in ("stop", "length", "cancelled", "error"):
            self._answers.labels(finish)
        registry.register(_OfEngine(counters))

    def requested(self, path: str, status: int) -> None:
        """Count one request; paths that are not the server's own are counted together."""
        known = path if path in PATHS else "/v1/models/" if path.startswith("/v1/models/") else "other"
        self._requests.labels(known, str(status)).inc()

    def heard(self, seconds: float) -> None:
        """Count sound of a request."""
        self._heard.inc(seconds)

    def spoken(self, seconds: float) -> None:
        """Count sound of an answer."""
        self._spoken.inc(seconds)

    def left(self) -> None:
        """Count an answer whose client left."""
        self._answers.labels("cancelled").inc()

    def ended(self, end: Ended) -> None:
        """Count a finished answer."""
        self._answers.labels(end.finish).inc()
        self._queued.observe(end.queue_s)
        self._total.observe(end.total_s)
        if end.first_text_s is not None:
            self._first_text.observe(end.first_text_s)
        if end.first_sound_s is not None:
            self._first_sound.observe(end.first_sound_s)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def _histogram(self, name: str, what: str) -> Histogram:
        return Histogram(f"{PREFIX}_{name}", what, buckets=SECONDS, registry=self._registry)


class _OfEngine(Collector):
    """Reads the engine's counters once a scrape."""

    def __init__(self, counters: Callable[[], Any]) -> None:
        self._counters = counters

    def collect(self) -> Iterator[Metric]:
        now = self._counters()
        for field, (name, what) in GAUGES.items():
            yield GaugeMetricFamily(f"{PREFIX}_{name}", what, value=float(getattr(now, field)))
        for field, (name, what) in COUNTERS.items():
            yield CounterMetricFamily(f"{PREFIX}_{name}", what, value=float(getattr(now, field)))
