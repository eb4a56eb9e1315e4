"""Collectors: real records out of pinned packages, read as files and never imported."""
