"""Pieces of the small codec: its sizes, log-mel, quantizer, causal networks and the two ways from log-mel to sound."""
