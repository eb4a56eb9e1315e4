"""GGUF files behind Ollama's HTTP API, for evaluation, deployment and use."""
