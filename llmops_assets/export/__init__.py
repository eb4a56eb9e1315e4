"""Stage 4a: a model folder to a GGUF file that was read back and measured."""
