"""Listeners, one backend a file: sound becomes the text that was understood."""
