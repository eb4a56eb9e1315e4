"""llama-cpp-python, kept quiet."""

import ctypes
from typing import Any

LOG_ERROR = 4


class ErrorLines(list[str]):
    """What llama.cpp says went wrong in this process; all else that it says is dropped."""

    def listen(self) -> "ErrorLines":
        """Takes llama.cpp's log over; keep the object for as long as llama.cpp is used."""
        import llama_cpp

        self._callback = llama_cpp.llama_log_callback(self._take)
        llama_cpp.llama_log_set(self._callback, ctypes.c_void_p(0))
        return self

    def _take(self, level: int, text: bytes, _: Any) -> None:
        if level == LOG_ERROR:
            self.append(text.decode("utf-8", errors="replace").strip())
