"""One file a command; only click is imported at the top, so that ``clinic --help`` stays fast."""
