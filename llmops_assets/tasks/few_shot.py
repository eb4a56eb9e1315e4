"""What a prompt alone can do: the row that fine-tuning has to beat."""

from dataclasses import dataclass

Messages = list[dict[str, str]]


@dataclass(frozen=True)
class FewShot:
    """What a base model is told of a task, and examples of request and answer."""

    instructions: str
    examples: tuple[tuple[str, str], ...]

    def beginnings(self) -> list[Messages]:
        """Ways to begin a conversation: the examples in the instructions, and the examples as turns."""
        told = "\n".join(f"{asked}\n-> {answer}" for asked, answer in self.examples)
        turns = [
            {"role": role, "content": content}
            for example in self.examples
            for role, content in zip(("user", "assistant"), example, strict=True)
        ]
        return [
            [{"role": "system", "content": f"{self.instructions} Examples:\n{told}"}],
            [{"role": "system", "content": self.instructions}, *turns],
        ]
