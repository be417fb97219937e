"""The measuring pass: what is found out about a run's stored sound once its consultations are over."""
