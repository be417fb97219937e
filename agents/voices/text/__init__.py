"""Text for the ear: what is written becomes what is read aloud, in pieces for one breath; knows no voice."""

from agents.voices.text.reading import for_the_ear
from agents.voices.text.splitting import split
from agents.voices.text.table import RULES_VERSION, fingerprint

__all__ = ["RULES_VERSION", "fingerprint", "for_the_ear", "split"]
