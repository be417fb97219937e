"""One way to call a language model: a server that speaks the OpenAI protocol, or vLLM in this process."""
