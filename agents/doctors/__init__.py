"""Doctors: who answers the patient; each file is one backend, and none of them knows a case."""
