"""What a product does: prompts, right answers, and how an answer is judged."""
