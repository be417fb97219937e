"""Stepping through a consultation in a terminal: commands, a screen for people, plain lines for scripts."""
