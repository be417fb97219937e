"""Floor 0: what a consultation is (cases, personas, batches, turns, verdicts), and nothing of who speaks."""
