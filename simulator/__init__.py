"""Floor 4: runs consultations (one, a batch), stores, compares and reports them; the command line."""
