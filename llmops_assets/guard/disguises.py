"""Odd spellings of a request, so that the guard learns to read through them: the label stays, a word or two change."""

import random
import re
from collections.abc import Callable

WORD = re.compile(r"[A-Za-z]{4,}")
LEET = {"o": "0", "i": "1", "e": "3", "a": "4", "s": "5", "t": "7"}
SOUND = (("ph", "f"), ("ck", "k"), ("qu", "kw"), ("th", "d"), ("ing", "in"), ("er", "a"), ("s", "z"), ("c", "k"))
MOST = 3
"""So many words of a text are changed at most."""


def disguised(text: str, rng: random.Random) -> str:
    """The text with one to `MOST` of its longer words spelled oddly; as it was where it has none."""
    places = list(WORD.finditer(text))
    chosen = rng.sample(places, min(len(places), rng.randint(1, MOST)))
    for place in sorted(chosen, key=lambda found: -found.start()):
        text = text[: place.start()] + rng.choice(SPELLINGS)(place[0], rng) + text[place.end() :]
    return text


def leet(word: str, rng: random.Random) -> str:
    """Digits for letters: `p0i5on`."""
    return "".join(LEET[letter.lower()] if letter.lower() in LEET and rng.random() < 0.7 else letter for letter in word)


def swapped(word: str, rng: random.Random) -> str:
    """Two neighbours changed places: `posion`."""
    at = rng.randrange(1, len(word) - 1)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def dropped(word: str, rng: random.Random) -> str:
    """A letter is missing: `poisn`."""
    at = rng.randrange(1, len(word))
    return word[:at] + word[at + 1 :]


def doubled(word: str, rng: random.Random) -> str:
    """A letter comes twice: `poisson`."""
    at = rng.randrange(1, len(word))
    return word[:at] + word[at - 1] + word[at:]


def masked(word: str, rng: random.Random) -> str:
    """A letter is a sign: `p*ison`."""
    at = rng.randrange(1, len(word) - 1)
    return word[:at] + rng.choice("*#_.@") + word[at + 1 :]


def spaced(word: str, rng: random.Random) -> str:
    """Letters stand apart: `p o i s o n`."""
    return rng.choice(" -.").join(word)


def split(word: str, rng: random.Random) -> str:
    """Broken in two: `poi son`."""
    at = rng.randrange(2, len(word) - 1)
    return f"{word[:at]}{rng.choice(' -')}{word[at:]}"


def without_vowels(word: str, rng: random.Random) -> str:
    """Only the first letter and the consonants: `psn`."""
    del rng
    return word[0] + re.sub("[aeiou]", "", word[1:], flags=re.IGNORECASE)


def as_it_sounds(word: str, rng: random.Random) -> str:
    """Written by ear: `poizon`."""
    for said, heard in rng.sample(SOUND, 4):
        word = word.replace(said, heard)
    return word


def backwards(word: str, rng: random.Random) -> str:
    """From its end: `nosiop`."""
    del rng
    return word[::-1]


SPELLINGS: tuple[Callable[[str, random.Random], str], ...] = (
    leet,
    swapped,
    dropped,
    doubled,
    masked,
    spaced,
    split,
    without_vowels,
    as_it_sounds,
    backwards,
)
