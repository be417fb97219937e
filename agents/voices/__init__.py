"""Voices, one backend a file: text becomes sound that fits sex and age."""
