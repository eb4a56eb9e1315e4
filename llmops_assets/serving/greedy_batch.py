"""Many greedy prompts in one llama.cpp batch, and of each answer whether its prompt alone would get the same.

A step reads all weights, whether for one row or for 48: a token costs half as much in a full batch as alone. But rows
together go through other kernels and the activations' 8-bit blocks are rounded otherwise. Over 8,700 tokens of two products
the lead of the first token over the second moved by 0.09 in the middle, 0.43 in 99% and 0.6 in 99.9% of them. Answers became
others where the lead was 0.31 at most; so an answer with a lead below `SURE` anywhere is given up, to be asked alone.
"""

import codecs
import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

from llmops_assets.errors import ServingError
from llmops_assets.export.native import ErrorLines
from llmops_assets.serving.engine import Completion

ROWS = 48
GROUP = 8
"""Rows that are free before new ones begin: their prompts are read together."""
TOKENS = 512
"""Prompt and answer together, for each row: longer ones are asked alone, or their contexts would take too much memory."""
SURE = 0.5
"""By how much the best logit leads the second at least."""
PIECE = 256
"""Bytes of the longest text that a token stands for."""


@dataclass(frozen=True)
class Job:
    """A prompt with its template, and who is told how it ended: the completion, or None where it is to be asked alone."""

    prompt: str
    max_tokens: int
    stop: Sequence[str]
    asked: float
    end: Callable[[Completion | None], None]


@dataclass(eq=False)
class _Row:
    """A job under way in the sequence `place` of the context; its tokens so far are `used` cells of it and `next`."""

    job: Job
    prompt: list[int]
    place: int = 0
    used: int = 0
    next: int = 0
    count: int = 0
    text: str = ""
    began: float = 0.0
    first: float = 0.0
    reader: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("strict"))


class BatchModel:
    """The weights, read once for the batches of all cores."""

    def __init__(self, gguf: Path) -> None:
        """Maps the file into memory.

        Raises:
            ServingError: llama.cpp cannot load it.
        """
        lib = _llama_cpp()
        params = lib.llama_model_default_params()
        # Weights packed anew for the processor would be a second copy in memory, and were no faster.
        params.use_extra_bufts = False
        self.model = lib.llama_model_load_from_file(str(gguf).encode(), params)
        if not self.model:
            raise ServingError(f"expected a model that llama.cpp can load in {gguf.name}, got a refusal")
        self.vocabulary = lib.llama_model_get_vocab(self.model)
        self.words = lib.llama_vocab_n_tokens(self.vocabulary)

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text, special ones read as such."""
        lib, data = _llama_cpp(), text.encode()
        room = len(data) + 8
        found = (lib.llama_token * room)()
        return list(found[: lib.llama_tokenize(self.vocabulary, data, len(data), found, room, True, True)])

    def ends(self, token: int) -> bool:
        """Whether the model ends its turn with it."""
        return bool(_llama_cpp().llama_vocab_is_eog(self.vocabulary, token))

    def piece(self, token: int) -> bytes:
        """What a token says; special ones say nothing."""
        buffer = ctypes.create_string_buffer(PIECE)
        size = _llama_cpp().llama_token_to_piece(self.vocabulary, token, buffer, PIECE, 0, False)
        return buffer.raw[: max(0, size)]

    def close(self) -> None:
        """Frees it, after its batches."""
        _llama_cpp().llama_model_free(self.model)


class GreedyBatch:
    """A context with `ROWS` sequences on one thread. One `run` at a time."""

    def __init__(self, model: BatchModel, *, context: int) -> None:
        """Takes the memory.

        Args:
            model: the weights.
            context: tokens of prompt and answer that a request may have; a row has `TOKENS` at most.

        Raises:
            ServingError: there is no memory for it.
        """
        lib = _llama_cpp()
        self._model, self._tokens = model, min(context, TOKENS)
        params = lib.llama_context_default_params()
        # Sequences in one common cache would attend over each other's masked cells, which costs more the more they are.
        params.n_ctx, params.n_seq_max, params.kv_unified = ROWS * self._tokens, ROWS, False
        self._room = params.n_batch = params.n_ubatch = max(2 * self._tokens, ROWS)
        params.n_threads = params.n_threads_batch = 1
        self._context = lib.llama_init_from_model(model.model, params)
        if not self._context:
            raise ServingError("expected memory for a batch of prompts, got none")
        self._memory = lib.llama_get_memory(self._context)
        self._batch = lib.llama_batch_init(params.n_batch, 0, 1)

    def run(self, take: Callable[[], Job | None]) -> None:
        """Answers jobs until `take` gives none and every row has ended; rows that end make room for the next jobs.

        Raises:
            ServingError: llama.cpp failed; jobs that had begun are told to be asked alone.
        """
        rows: list[_Row] = []
        try:
            while True:
                if len(rows) <= ROWS - GROUP:
                    self._begin(take, rows)
                if not rows:
                    return
                self._decode([(row.place, row.used, row.next, True) for row in rows])
                for row in rows:
                    row.used += 1
                self._read(rows, rows)
        finally:
            for row in rows:
                row.job.end(None)

    def close(self) -> None:
        """Frees the memory."""
        lib = _llama_cpp()
        lib.llama_batch_free(self._batch)
        lib.llama_free(self._context)

    def _begin(self, take: Callable[[], Job | None], rows: list[_Row]) -> None:
        """Reads the prompts of new rows together, those that end first in front: what is left of them lies side by side."""
        while len(rows) < ROWS:
            new: list[_Row] = []
            room = self._room
            while len(rows) + len(new) < ROWS and room >= self._tokens and (job := take()):
                row = self._row(job)
                if row:
                    new.append(row)
                    room -= len(row.prompt)
            if not new:
                return
            new.sort(key=lambda row: len(row.prompt))
            for row in new:
                row.place = len(rows)
                rows.append(row)
                _llama_cpp().llama_memory_seq_rm(self._memory, row.place, -1, -1)
                row.used = len(row.prompt)
            wanted = {(row.place, row.used - 1) for row in new}
            cells = [(row.place, spot, token) for row in new for spot, token in enumerate(row.prompt)]
            self._decode([(*cell, cell[:2] in wanted) for cell in cells])
            self._read(new, rows)

    def _row(self, job: Job) -> _Row | None:
        """A row for a job that fits; others are asked alone."""
        try:
            prompt = self._model.tokens(job.prompt)
        except UnicodeEncodeError:
            prompt = []
        if prompt and len(prompt) + job.max_tokens <= self._tokens:
            return _Row(job, prompt, began=monotonic())
        job.end(None)
        return None

    def _leave(self, row: _Row, rows: list[_Row]) -> None:
        """The last row takes the place of one that ends: llama.cpp cuts a batch in pieces where places are left out."""
        last = rows.pop()
        if last is not row:
            memory, place = self._memory, row.place
            _llama_cpp().llama_memory_seq_rm(memory, place, -1, -1)
            _llama_cpp().llama_memory_seq_cp(memory, last.place, place, -1, -1)
            rows[place], last.place = last, place

    def _decode(self, cells: Sequence[tuple[int, int, int, bool]]) -> None:
        """Computes (sequence, position, token, whether its logits are wanted) each."""
        batch = self._batch
        for spot, (place, position, token, wanted) in enumerate(cells):
            batch.token[spot], batch.pos[spot] = token, position
            batch.n_seq_id[spot], batch.seq_id[spot][0] = 1, place
            batch.logits[spot] = wanted
        batch.n_tokens = len(cells)
        code = _llama_cpp().llama_decode(self._context, batch)
        if code:
            raise ServingError(f"llama.cpp could not decode a batch of {len(cells)} tokens (code {code})")

    def _read(self, live: Sequence[_Row], rows: list[_Row]) -> None:
        """Takes the best token of rows that were decoded; those that ended by it leave."""
        import numpy as np

        lib = _llama_cpp()
        shape = (len(live), self._model.words)
        logits: Any = np.ctypeslib.as_array(lib.llama_get_logits(self._context), shape=shape)
        lines, best = np.arange(len(live)), logits.argmax(1)
        lead = logits[lines, best]
        logits[lines, best] = -np.inf
        with np.errstate(invalid="ignore"):
            lead = lead - logits.max(1)
        for row, token, ahead in zip(tuple(live), best.tolist(), lead.tolist(), strict=True):
            # Of broken weights the lead may be no number.
            reason = self._take(row, token) if ahead >= SURE else "unsure"
            if reason:
                self._leave(row, rows)
                row.job.end(_completion(row, reason) if reason != "unsure" else None)

    def _take(self, row: _Row, token: int) -> str:
        """Adds a token; says why the answer ends with it, if it does, in the order in which llama.cpp's server looks."""
        row.first = row.first or monotonic()
        row.next, row.count = token, row.count + 1
        if self._model.ends(token):
            return "stop" if _ended(row) else "unsure"
        before = len(row.text)
        try:
            row.text += row.reader.decode(self._model.piece(token))
        except UnicodeDecodeError:
            return "unsure"
        for word in row.job.stop:
            found = row.text.find(word, max(0, before - len(word) + 1))
            if word and found >= 0:
                row.text = row.text[:found]
                return "stop"
        if row.count >= row.job.max_tokens:
            return "length" if _ended(row) else "unsure"
        return ""


def _ended(row: _Row) -> bool:
    """Whether neither a character nor a stop word is begun and not ended; llama.cpp's server keeps such a beginning back."""
    begun = (word[:size] for word in row.job.stop for size in range(1, len(word)))
    return not row.reader.getstate()[0] and not any(row.text.endswith(beginning) for beginning in begun)


def _completion(row: _Row, reason: Any) -> Completion:
    now = monotonic()
    return Completion(
        text=row.text,
        prompt_tokens=len(row.prompt),
        output_tokens=row.count,
        stop_reason=reason,
        first_token_s=row.first - row.job.asked,
        total_s=now - row.job.asked,
        prompt_eval_s=row.first - row.began,
        eval_s=now - row.first,
    )


@cache
def _llama_cpp() -> Any:
    """The library, silent and ready."""
    import llama_cpp

    _ERRORS.listen()
    llama_cpp.llama_backend_init()
    return llama_cpp


_ERRORS = ErrorLines()
