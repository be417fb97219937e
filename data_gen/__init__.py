"""Floor 3: corpora for training; for now one thing, consultations written as ShareGPT training dialogues."""
