"""Where consultations are executed: engines run jobs at a given concurrency and hand back finished records."""
