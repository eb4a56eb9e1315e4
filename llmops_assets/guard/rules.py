"""Guard rules: what no legitimate request holds. Text is folded first, so that spaced or leet words count.

Each rule is a named pattern over the folded text; precision before recall, because a rule cannot be argued with.
"""

import re
import unicodedata
from dataclasses import dataclass

LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})
RULES = {
    "override": re.compile(
        r"\b(?:ignore|forget|disregard|override|bypass)\b.{0,25}\b(?:previous|prior|above|your|all|safety|the)\b.{0,20}"
        r"\b(?:instructions?|rules?|guidelines?|filters?|polic(?:y|ies)|prompts?|training)\b"
    ),
    "unrestricted": re.compile(
        r"\b(?:dan mode|developer mode|jailbreak|no restrictions|without restrictions|unfiltered)\b"
    ),
}


@dataclass(frozen=True)
class RuleHit:
    """The rule that fired and the words it fired on."""

    rule: str
    words: str


def fold(text: str) -> str:
    """Lower case, one alphabet, no leet digits inside words, letters joined that were spaced out (`k i l l`)."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()
    plain = re.sub(r"\b(?:[a-z0-9@$!][ .\-_*]){3,}[a-z0-9@$!]\b", lambda hit: re.sub(r"[ .\-_*]", "", hit[0]), plain)
    return re.sub(r"\b(?=\w*[a-z])[\w@$!]+\b", lambda hit: hit[0].translate(LEET), plain)


def check(text: str) -> RuleHit | None:
    """The first rule that fires, or None; a line break is a space like any other."""
    folded = fold(" ".join(text.split()))
    for name, pattern in RULES.items():
        hit = pattern.search(folded)
        if hit:
            return RuleHit(name, hit[0])
    return None
