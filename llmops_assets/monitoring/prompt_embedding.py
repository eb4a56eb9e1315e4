"""Where a prompt lies: a hashed bag of words and character trigrams, small enough for the request log.

No model, and the text cannot be read back from it. Drift compares distances to the baseline's centre, which
finds new topics and new languages, not finer shades.
"""

import math
import re
import zlib
from collections.abc import Sequence

DIMENSIONS = 64


def embed_prompt(text: str) -> list[float]:
    """A unit vector of 64 numbers, the same on any machine; all zero for an empty text."""
    vector = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()):
        padded = f"^{word}$"
        for piece in (word, *(padded[at : at + 3] for at in range(len(padded) - 2))):
            digest = zlib.crc32(piece.encode("utf-8"))
            vector[digest % DIMENSIONS] += 1.0 if digest & 0x80000000 else -1.0
    length = math.hypot(*vector)
    return [round(value / length, 4) for value in vector] if length else vector


def centroid(vectors: Sequence[Sequence[float]]) -> list[float]:
    """The mean vector."""
    return [math.fsum(component) / len(vectors) for component in zip(*vectors, strict=True)]


def distances(vectors: Sequence[Sequence[float]], centre: Sequence[float], *, members: bool = False) -> list[float]:
    """Euclidean distances to a centre.

    Args:
        vectors: what is measured.
        centre: from where.
        members: the centre is the mean of these very vectors. Each is then measured from the mean of the
            others, or the baseline would lie nearer to its own centre than any later request can.
    """
    count = len(vectors)
    stretch = count / (count - 1) if members and count > 1 else 1.0
    return [stretch * math.dist(vector, centre) for vector in vectors]
