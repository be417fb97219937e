"""The small bilingual knowledge base behind the embedded doctors; it knows conditions, no case."""
