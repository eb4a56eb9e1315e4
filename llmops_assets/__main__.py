"""`python -m llmops_assets` is `llmops`."""

from llmops_assets.cli import main

main()
