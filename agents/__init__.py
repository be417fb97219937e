"""Floor 2: who speaks (doctors, patients, examiners, judges, and later voices and listeners)."""
