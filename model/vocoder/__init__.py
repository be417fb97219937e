"""Vocoders: units of the speech generator to sound; see base.py for what each offers."""
