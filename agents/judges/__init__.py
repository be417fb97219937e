"""Judges: each scores a finished consultation; none takes part in one."""
