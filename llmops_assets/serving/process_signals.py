"""Keeps a library from taking over the process's signals: llama.cpp's server installs actions of its own when it starts."""

import contextlib
import ctypes
import signal
from collections.abc import Iterator

ACTION_BYTES = 256


@contextlib.contextmanager
def kept_signal_actions() -> Iterator[None]:
    """Puts back what SIGINT and SIGTERM did before the block; works in every thread, which `signal.signal` does not."""
    libc = ctypes.CDLL(None, use_errno=True)
    kept = {number: ctypes.create_string_buffer(ACTION_BYTES) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, action in kept.items():
        libc.sigaction(int(number), None, action)
    try:
        yield
    finally:
        for number, action in kept.items():
            libc.sigaction(int(number), action, None)
