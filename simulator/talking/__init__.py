"""A conversation with a doctor that hears and speaks, at a terminal: who answers, what is kept, what is shown."""
