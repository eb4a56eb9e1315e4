"""The text of an answer, piece by piece."""

import pytest

from llmops_assets.serving.answer_text import AnswerText


def told(pieces: list[bytes], stop: tuple[str, ...]) -> tuple[list[str], str, bool]:
    """What was told with each piece and with the end, all of it, and whether a stop word came."""
    text = AnswerText(stop)
    found = []
    for piece in pieces:
        found.append(text.add(piece))
        if text.stopped:
            break
    found.append(text.end())
    return found, text.said, text.stopped


@pytest.mark.parametrize(
    ("pieces", "stop", "found", "stopped"),
    [
        ([b"buy", b" milk"], (), ["buy", " milk", ""], False),
        ([b"buy<|im", b"_end|> and"], ("<|im_end|>",), ["buy", "", ""], True),
        ([b"buy<|im", b"port"], ("<|im_end|>",), ["buy", "<|import", ""], False),
        ([b"buy<|im"], ("<|im_end|>",), ["buy", "<|im"], False),
        ([b"a STOP b END"], ("END", "STOP"), ["a ", ""], True),
        ([b"aa", b"ab"], ("aab",), ["", "a", ""], True),
        ([b"x"], ("", "y"), ["x", ""], False),
        ([b"caf\xc3", b"\xa9 \xf0\x9f", b"\x99\x82"], (), ["caf", "é ", "🙂", ""], False),
        ([b"caf\xc3"], (), ["caf", ""], False),
        ([b"a\xffb"], (), ["a\ufffdb", ""], False),
        ([b"stop", b" here"], ("stop here", "stop"), ["", ""], True),
    ],
)
def test_whole_characters_are_told_and_nothing_of_a_stop_word(
    pieces: list[bytes], stop: tuple[str, ...], found: list[str], stopped: bool
) -> None:
    assert told(pieces, stop) == (found, "".join(found), stopped)
