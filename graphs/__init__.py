"""Floor 3: who speaks when; LangGraph state machines built by functions, nothing compiled at import."""
