"""The OpenAI-compatible server of one SpeechLM (``clinic serve --doctor``); see app.py for how it is put together."""
