"""Stage 5: metrics, drift, alerts, dashboards and incidents."""
