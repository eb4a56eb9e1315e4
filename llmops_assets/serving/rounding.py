"""What may be computed together without another rounding, found out on the very model and processor.

llama.cpp computes few tokens at a time by other kernels than many, and its attention takes long prompts in tiles; each kernel rounds
in its own way. Measured for Q6_K, Q8_0 and mixtures of them (llama-cpp-python 0.3.36, AVX-512): up to 7 tokens a batch each is
computed to the same bit as by itself, from 8 on as in any other batch of 8 or more, and a prompt from 64 tokens on as nowhere else.
For F16 the first is not so. Hence nothing of it is believed before it was seen.
"""

from dataclasses import dataclass, field

LARGE, TILE = 8, 64
"""Tokens of a batch and of a prompt from which on other kernels compute."""
PROOFS = 3
"""Examples that a claim needs."""


@dataclass
class Claim:
    """Something that is believed after some examples, and never again after one against it."""

    seen: int = 0
    refuted: bool = False

    @property
    def believed(self) -> bool:
        """Whether it may be relied on."""
        return self.seen >= PROOFS and not self.refuted

    @property
    def in_doubt(self) -> bool:
        """Whether examples are wanted."""
        return self.seen < PROOFS and not self.refuted

    def weigh(self, holds: bool) -> None:
        """Takes one more example."""
        self.seen += holds
        self.refuted |= not holds


@dataclass
class Rounding:
    """The claims about one model.

    Attributes:
        prompts: a short prompt is rounded as by itself whatever else is in its large batches.
        few: fewer than `LARGE` tokens of one answer are rounded as one by one.
    """

    prompts: Claim = field(default_factory=Claim)
    few: Claim = field(default_factory=Claim)
