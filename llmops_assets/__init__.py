"""llmops_assets: from raw conversations to a small language model that can be shipped, watched, rolled back and sold."""

__version__ = "0.1.0"
