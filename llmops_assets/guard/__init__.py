"""The guard in front of a model: rules and a small trained classifier."""
