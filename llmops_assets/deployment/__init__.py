"""Stage 4b: rollout, rollback and the gateway."""
