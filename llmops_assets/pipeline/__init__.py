"""The steps from raw data to product, in plain Python: what the Dagster assets and the command line both call."""
