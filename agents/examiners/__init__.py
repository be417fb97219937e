"""Examiners, one backend a file; importing this package loads none of them."""
