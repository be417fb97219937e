"""What lies between speakers: the seeded effects of room and line, and how turns are taken."""
