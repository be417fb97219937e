"""Sound itself: reading, writing, storing, checking; it knows neither words nor who speaks."""
