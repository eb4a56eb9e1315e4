"""Stage 1: raw conversations to datasets that can be trusted."""
