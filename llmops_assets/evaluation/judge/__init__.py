"""A second opinion on answers by a language model that the recipe names: shown with its biases, gating nothing."""
