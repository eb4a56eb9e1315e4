"""Stage 3: scores with their doubt, gates and the report."""
