"""One llama.cpp context in which prompts are continued, in rows that are computed together.

With one row an answer depends on nothing but its prompt, and is llama-cpp-python's own to the letter. Rows together go through
other kernels, which round the activations' 8-bit blocks otherwise: with eight, 39 of 40 greedy answers had other probabilities in
the last digits and 1 of 200 another word. But a step reads all weights, whether for one row or for 48: a token costs half as much
in a full context. So an `exact` engine computes a row once more by itself where its next token could be another one alone. Over
8,700 tokens of two products the lead of the first token over the second moved by 0.09 in the middle, 0.43 in 99% and 0.6 in 99.9%
of them, and answers became others where the lead was 0.31 at most: it does so where a lead is below `SURE`. What was rounded as by
itself it keeps (`rounding`).
"""

import ctypes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from time import monotonic
from typing import Any, Literal, NamedTuple

from llmops_assets.errors import ServingError
from llmops_assets.serving.answer_text import AnswerText
from llmops_assets.serving.llama_model import LlamaModel, llama_cpp
from llmops_assets.serving.options import Sampling
from llmops_assets.serving.rounding import LARGE, TILE
from llmops_assets.serving.token_choice import TokenChoice

StopReason = Literal["stop", "length", "cancelled"]
SURE = 0.5
"""By how much the best logit leads the second at least."""
PROMPT_TOKEN = 1 / 3
"""What a token of a prompt takes, measured by one of an answer: a prompt is read in one go."""
AGAIN_TOKEN = 2 / 3
"""The same of a token of an answer that is computed again with others."""
BATCH = 512
"""Tokens of prompts that are computed together; llama-cpp-python's number, for by another one sums are rounded otherwise."""


class PromptTooLongError(ServingError):
    """A prompt that does not fit the context."""


@dataclass(frozen=True)
class Completion:
    """What came out, and what it took; `first_token_s` counts from the call, waiting for a turn included."""

    text: str
    prompt_tokens: int
    output_tokens: int
    stop_reason: StopReason
    first_token_s: float
    total_s: float
    prompt_eval_s: float = 0.0
    eval_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Job:
    """A prompt to continue.

    Attributes:
        prompt: the text as the model sees it, template and all, or its tokens.
        sampling: how to choose tokens, and when to stop.
        asked: when, by the monotonic clock.
        end: is told how it ended.
        json_schema: what the text must be, written without blanks between tokens; the model cannot leave it.
        on_text: called with each new piece; True cancels the rest.
    """

    prompt: str | Sequence[int]
    sampling: Sampling
    asked: float
    end: Callable[[Completion | Exception], None]
    json_schema: dict[str, Any] | None = None
    on_text: Callable[[str], bool] | None = None


@dataclass(eq=False)
class _Row:
    """A job under way in the sequence `place` of the context.

    Of its tokens `used` are computed, `exact` of them by itself, and `alike` of its prompt in large batches only.
    """

    job: Job
    prompt: list[int]
    limit: int
    text: AnswerText
    choice: TokenChoice | None
    began: float
    place: int = 0
    used: int = 0
    exact: int = 0
    alike: int = 0
    said: list[int] = field(default_factory=list)
    first: float = 0.0

    @property
    def unread(self) -> int:
        """How many tokens of the prompt are not computed yet."""
        return max(0, len(self.prompt) - self.used)

    @property
    def short(self) -> bool:
        """Whether its prompt is one whose tokens are computed to the same bit in every large batch."""
        return LARGE <= len(self.prompt) < TILE

    @property
    def held(self) -> "_Held":
        """What its place holds of its prompt."""
        return _Held(self.prompt[: self.used], self.alike if self.short else 0)

    def cells(self, count: int) -> list[tuple[int, int, int, bool]]:
        """The next so many: (sequence, position, token, whether its logits are wanted, as those of the last are) each."""
        before = len(self.prompt)
        tokens = (
            self.prompt[self.used : self.used + count] or self.said[self.used - before : self.used - before + count]
        )
        last = before + len(self.said) - 1
        return [(self.place, self.used + spot, token, self.used + spot == last) for spot, token in enumerate(tokens)]


class _Held(NamedTuple):
    """Tokens that are computed already, the first `alike` of them in large batches for a short prompt."""

    tokens: list[int]
    alike: int = 0


class Engine:
    """A context with some rows, on some threads. One `run` at a time.

    Attributes:
        rows: how many prompts are continued at once.
        ended: how many jobs ended.
        alone: what these would have taken by themselves, as so many tokens of an answer.
        again: what an exact engine computed once more, in the same unit.
    """

    def __init__(
        self, model: LlamaModel, *, context: int, rows: int = 1, threads: int = 1, exact: bool = False, group: int = 1
    ) -> None:
        """Takes the memory.

        Args:
            model: the weights.
            context: tokens of prompt and answer together, for each row.
            rows: how many prompts are continued at once.
            threads: CPU threads, for all rows together.
            exact: answers are those of each prompt alone; only for jobs that choose the best token and have a limit.
            group: rows that are free before new ones begin: their prompts are read together.

        Raises:
            ServingError: there is no memory for it.
        """
        lib = llama_cpp()
        self.rows, self.ended, self.alone, self.again = rows, 0, 0.0, 0.0
        self._model, self._context, self._exact, self._group = model, context, exact, group
        params = lib.llama_context_default_params()
        # Sequences in one common cache would attend over each other's masked cells, which costs more the more they are.
        params.n_ctx, params.n_seq_max, params.kv_unified = rows * context, rows, False
        self._batch_size = params.n_batch = params.n_ubatch = max(2 * context if exact else BATCH, rows)
        params.n_threads = params.n_threads_batch = threads
        self._pointer = lib.llama_init_from_model(model.pointer, params)
        if not self._pointer:
            raise ServingError("expected memory for the context of a model, got none")
        self._memory = lib.llama_get_memory(self._pointer)
        self._batch = lib.llama_batch_init(params.n_batch, 0, 1)
        self._held = [_Held([])] * rows

    def answer(self, job: Job) -> None:
        """Answers one job; whatever goes wrong is told to its `end`."""
        jobs = [job]
        self.run(lambda: jobs.pop() if jobs else None)

    def run(self, take: Callable[[], Job | None]) -> bool:
        """Answers jobs until `take` gives none and every row has ended; rows that end make room for the next jobs.

        Returns:
            Whether llama.cpp did not fail; where it did, the rows that had begun were told.
        """
        rows: list[_Row] = []
        try:
            while True:
                if len(rows) <= self.rows - self._group:
                    self._begin(take, rows)
                if not rows:
                    return True
                self._go_on(rows, rows, 1)
        except Exception as error:
            for row in tuple(rows):
                self._leave(row, rows, error)
            self._held = [_Held([])] * self.rows
            return False

    def close(self) -> None:
        """Frees the memory."""
        lib = llama_cpp()
        lib.llama_batch_free(self._batch)
        lib.llama_free(self._pointer)

    def _begin(self, take: Callable[[], Job | None], rows: list[_Row]) -> None:
        """Reads the prompts of new rows, those of about one length together."""
        while len(rows) < self.rows and (new := list(self._new_rows(take, self.rows - len(rows)))):
            new.sort(key=lambda row: len(row.prompt))
            for row in new:
                row.place = len(rows)
                rows.append(row)
                row.used = self._known(row)
                row.alike = row.used
                self._forget(row)
            # llama.cpp cuts a batch where places are left out, and where sequences have different lengths: what the longer ones
            # have left is read step by step, unless that is much.
            while new:
                alike = list(takewhile(lambda row: row.unread <= 2 * new[0].unread, new[: self._group]))
                del new[: len(alike)]
                while least := min(row.unread for row in alike):
                    self._go_on(alike, rows, min(least, self._batch_size // len(alike)))

    def _new_rows(self, take: Callable[[], Job | None], free: int) -> Iterator[_Row]:
        """Rows for the next jobs."""
        while free and (job := take()):
            row = self._row(job)
            if row:
                free -= 1
                yield row

    def _go_on(self, some: Sequence[_Row], rows: list[_Row], count: int) -> None:
        """Computes the next tokens of some rows, of each so many; those that ended by it leave."""
        cells = [cell for row in some for cell in row.cells(count)]
        self._decode(cells)
        live = [row for row in some if row.unread <= count]
        # Elsewhere llama.cpp cuts it in pieces.
        large = len(cells) >= LARGE and all(row.place == some[0].place + spot for spot, row in enumerate(some))
        for row in some:
            if large and row.alike == row.used:
                row.alike = min(row.used + count, len(row.prompt))
            row.used += count
        if live:
            self._read(live, rows)

    def _row(self, job: Job) -> _Row | None:
        """A row for a job that fits."""
        try:
            prompt = self._model.tokens(job.prompt) if isinstance(job.prompt, str) else list(job.prompt)
            room = self._context - len(prompt)
            if room <= 0 or (self._exact and not 0 < job.sampling.max_tokens <= room):
                raise PromptTooLongError("the input length exceeds the context length")
            plain = not prompt or (job.sampling.greedily and job.json_schema is None)
            choice = None if plain else TokenChoice(self._model, job.sampling, prompt, self._context, job.json_schema)
        except Exception as error:
            job.end(error)
            return None
        asked = job.sampling.max_tokens
        limit = room if asked < 0 else max(1, min(asked, room))
        row = _Row(job, prompt, limit, AnswerText(job.sampling.values["stop"]), choice, began=monotonic())
        if not prompt:
            job.end(_completion(row, "length"))
        return row if prompt else None

    def _known(self, row: _Row) -> int:
        """With how many of its tokens the last prompt at its place began: those need not be read again.

        A prompt by itself is read from its beginning: where it went on from the one before, 2 of 20 answers changed.
        """
        if self.rows == 1:
            return 0
        held, alike = self._held[row.place]
        if self._exact and row.short and not self._model.rounding.prompts.refuted:
            held = held[:alike]
        differs = (spot for spot, token in enumerate(row.prompt) if held[spot : spot + 1] != [token])
        return min(next(differs, len(row.prompt)), len(row.prompt) - 1)

    def _leave(self, row: _Row, rows: list[_Row], result: Completion | Exception) -> None:
        """The last row takes the place of one that ends: llama.cpp cuts a batch in pieces where places are left out."""
        last = rows.pop()
        self._held[last.place] = last.held
        if last is not row:
            memory, place = self._memory, row.place
            llama_cpp().llama_memory_seq_rm(memory, place, -1, -1)
            llama_cpp().llama_memory_seq_cp(memory, last.place, place, -1, -1)
            rows[place], last.place = last, place
        if row.choice:
            row.choice.close()
        self.ended += 1
        self.alone += len(row.prompt) * PROMPT_TOKEN + len(row.said)
        row.job.end(result)

    def _decode(self, cells: Sequence[tuple[int, int, int, bool]]) -> None:
        """Computes them; see `_Row.cells`."""
        batch = self._batch
        for spot, (place, position, token, wanted) in enumerate(cells):
            batch.token[spot], batch.pos[spot] = token, position
            batch.n_seq_id[spot], batch.seq_id[spot][0] = 1, place
            batch.logits[spot] = wanted
        batch.n_tokens = len(cells)
        code = llama_cpp().llama_decode(self._pointer, batch)
        if code:
            raise ServingError(f"llama.cpp could not decode a batch of {len(cells)} tokens (code {code})")

    def _read(self, live: Sequence[_Row], rows: list[_Row]) -> None:
        """Chooses the next token of rows that were decoded; those that ended by it leave."""
        import numpy as np

        logits = self._logits(len(live))
        chosen = [row.choice(line) if row.choice else None for row, line in zip(live, logits, strict=True)]
        best = logits.argmax(1)
        lead = np.inf
        if self._exact:
            lines = np.arange(len(live))
            lead = logits[lines, best]
            logits[lines, best] = -np.inf
            with np.errstate(invalid="ignore"):
                lead = lead - logits.max(1)
        # Of broken weights the lead may be no number.
        sure = np.broadcast_to(lead >= SURE, len(live))
        for row, token, first, certain in zip(tuple(live), chosen, best.tolist(), sure.tolist(), strict=True):
            best_alone = first if certain else self._by_itself(row)
            if end := self._take(row, best_alone if token is None else token):
                self._leave(row, rows, end)

    def _by_itself(self, row: _Row) -> int:
        """The next token as the row alone would choose it: what is not exact yet is computed as it would be then."""
        start, size, end = self._exact_part(row), len(row.prompt), len(row.prompt) + len(row.said)
        few = self._model.rounding.few
        if few.in_doubt and end - max(start, size) >= LARGE - 1:
            self._read_again(row, start, end, LARGE - 1)
            together = self._state(row)
            self._read_again(row, max(start, size), end, 1)
            few.weigh(self._state(row) == together)
        else:
            self._read_again(row, start, end, LARGE - 1 if few.believed else 1)
        row.exact = row.used
        return int(self._logits(1)[0].argmax())

    def _exact_part(self, row: _Row) -> int:
        """How many of its tokens are as the row alone would compute them."""
        size, prompts = len(row.prompt), self._model.rounding.prompts
        if row.exact or row.held.alike < size:
            return row.exact
        if prompts.in_doubt:
            row.used = size
            together = self._state(row)
            self._read_again(row, 0, size, 1)
            prompts.weigh(self._state(row) == together)
        if prompts.refuted:
            return 0
        # The logits of a prompt's last token alone are those of a small batch.
        return size if row.said else size - LARGE

    def _read_again(self, row: _Row, start: int, end: int, few: int) -> None:
        """Computes the tokens from `start` to `end` by themselves, those of the answer so `few` at a time."""
        row.used = start
        self._forget(row)
        self.again += row.unread * PROMPT_TOKEN + (end - max(start, len(row.prompt))) * (1 if few == 1 else AGAIN_TOKEN)
        while row.used < end:
            count = min(row.unread, BATCH) or min(few, end - row.used)
            self._decode(row.cells(count))
            row.used += count

    def _forget(self, row: _Row) -> None:
        """Leaves in a row's sequence what is used."""
        llama_cpp().llama_memory_seq_rm(self._memory, row.place, row.used, -1)

    def _state(self, row: _Row) -> bytes:
        """What is computed of a row, to the bit; what is beyond its `used` is forgotten."""
        self._forget(row)
        lib = llama_cpp()
        size = lib.llama_state_seq_get_size(self._pointer, row.place)
        found = (ctypes.c_uint8 * size)()
        return ctypes.string_at(found, lib.llama_state_seq_get_data(self._pointer, found, size, row.place))

    def _logits(self, count: int) -> Any:
        """Those that were wanted, a row each."""
        import numpy as np

        shape = (count, self._model.words)
        return np.ctypeslib.as_array(llama_cpp().llama_get_logits(self._pointer), shape=shape)

    def _take(self, row: _Row, token: int) -> Completion | Exception | None:
        """Adds a token, tells what it says, and how the answer ended if it did."""
        row.first = row.first or monotonic()
        row.said.append(token)
        reason: StopReason | None = None
        if self._model.ends(token):
            new, reason = row.text.end(), "stop"
        else:
            new = row.text.add(self._model.piece(token))
            if row.text.stopped:
                reason = "stop"
            elif len(row.said) >= row.limit:
                new, reason = new + row.text.end(), "length"
        try:
            if new and row.job.on_text and row.job.on_text(new):
                reason = reason or "cancelled"
        except Exception as error:
            return error
        return _completion(row, reason) if reason else None


def _completion(row: _Row, reason: StopReason) -> Completion:
    now = monotonic()
    first = row.first or now
    return Completion(
        text=row.text.said,
        prompt_tokens=len(row.prompt),
        output_tokens=len(row.said),
        stop_reason=reason,
        first_token_s=first - row.job.asked,
        total_s=now - row.job.asked,
        prompt_eval_s=first - row.began,
        eval_s=now - first,
    )
