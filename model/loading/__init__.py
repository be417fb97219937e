"""The parts of reading and writing checkpoints; model/checkpoint.py is the door."""
