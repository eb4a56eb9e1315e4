"""The Dagster layer: assets with their checks, jobs, schedules and sensors."""
