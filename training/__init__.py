"""Floor 2: three-stage fine-tuning will live here; this release ships the package without code."""
