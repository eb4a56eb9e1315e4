"""Lines to whoever started the process: a person, or the process that reads a stage's progress."""

import sys


def say(line: str) -> None:
    """Prints one line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def warn(line: str) -> None:
    """Prints one line at once, in red where a person reads it."""
    say(f"\x1b[31m{line}\x1b[0m" if sys.stdout.isatty() else line)
