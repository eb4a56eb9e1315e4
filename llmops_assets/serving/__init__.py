"""GGUF models behind Ollama's HTTP API, over llama.cpp: used by evaluation, by deployment, and by the buyer's bundle."""
