"""Tests of llmops_assets.training."""
