"""The sets of evaluation cases, and what accuracy is called on each that has a right answer."""

SETS = ("contract", "natural", "conversation", "several", "safety", "legitimate")
"""As documented, as people write, in conversation, several actions or a note at once, harm, harmless look-alikes."""
ACCURACY = {
    "contract": "accuracy",
    "natural": "natural_accuracy",
    "conversation": "conversation_accuracy",
    "several": "several_accuracy",
    "legitimate": "legitimate_accuracy",
}
HELPFUL = tuple(ACCURACY)
"""The sets whose requests want help."""
