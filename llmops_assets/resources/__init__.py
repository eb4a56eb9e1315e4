"""What the assets touch: thin Dagster resources over the stages."""
