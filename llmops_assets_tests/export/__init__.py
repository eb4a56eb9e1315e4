"""Tests of llmops_assets.export."""
