"""What is kept of a product's traffic: metrics, one line a request for the drift report, one line a rating. Never a request's words.

{"time": "2026-11-24T14:00:00+00:00", "version": "1.4.0", "prompt_chars": 61, "action": "create", "latency_s": 0.84, ...}
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets.deployment.answering import Exchange
from llmops_assets.deployment.line_log import append_line
from llmops_assets.deployment.releases import now_text
from llmops_assets.errors import DeploymentError
from llmops_assets.monitoring.columns import RECORD_KEYS
from llmops_assets.monitoring.metrics import ProductMetrics, RequestOutcome
from llmops_assets.monitoring.prompt_embedding import embed_prompt
from llmops_assets.project import Project


def request_log(project: Project, product: str) -> Path:
    """One line a request that was answered or stopped by a guard."""
    return project.home / "requests" / f"{product}.jsonl"


def feedback_log(project: Project, product: str) -> Path:
    """One line a rating; a comment is what the user chose to write."""
    return project.home / "feedback" / f"{product}.jsonl"


def request_record(exchange: Exchange, version: str) -> dict[str, Any]:
    """The line of a request. What did not come from the model does not apply to it: None."""
    from_model = exchange.blocked == ""
    values = {
        "prompt_chars": len(exchange.prompt),
        "answer_chars": len(exchange.text) if from_model else None,
        "action": exchange.envelope["action"],
        "refused": exchange.refused,
        "format_valid": exchange.format_valid,
        "latency_s": round(exchange.latency_s, 4) if from_model else None,
        "prompt_embedding": embed_prompt(exchange.prompt),
    }
    return {"time": now_text(), "version": version, **{key: values[key] for key in RECORD_KEYS}}


def outcome_of(exchange: Exchange, endpoint: str) -> RequestOutcome:
    """What the metrics count of an answered request."""
    return RequestOutcome(
        endpoint=endpoint,
        status=200,
        duration_s=exchange.latency_s,
        first_token_s=exchange.first_token_s,
        tokens_in=exchange.tokens_in,
        tokens_out=exchange.tokens_out,
        format_valid=exchange.format_valid,
        refused=exchange.refused,
        truncated=exchange.truncated,
        stopped=exchange.blocked == "input",
    )


@dataclass(frozen=True)
class ProductTraffic:
    """Counts and logs what a gateway's door tells; a disk that is full must not cost a user an answer."""

    product: str
    endpoint: str
    requests: Path
    feedback: Path
    metrics: ProductMetrics
    report: Callable[[str], None]

    def answered(self, exchange: Exchange, version: str) -> None:
        """Counts and logs a request that was answered."""
        self.metrics.record_request(self.product, version, outcome_of(exchange, self.endpoint))
        if exchange.blocked:
            self.metrics.record_guard_hit(self.product, version, exchange.blocked)
        self._append(self.requests, request_record(exchange, version))

    def failed(self, status: int, seconds: float, version: str) -> None:
        """Counts a request that got an error."""
        self.metrics.record_request(self.product, version, RequestOutcome(self.endpoint, status, seconds))

    def rated(self, request_id: str, version: str, *, positive: bool, comment: str) -> None:
        """Counts and logs a rating."""
        self.metrics.record_feedback(self.product, version, positive=positive)
        row = {
            "time": now_text(),
            "version": version,
            "request_id": request_id,
            "positive": positive,
            "comment": comment,
        }
        self._append(self.feedback, row)

    def model_answers(self, version: str, *, answers: bool) -> None:
        """Shows whether the model answers."""
        self.metrics.set_model_loaded(self.product, version, loaded=answers)

    def _append(self, path: Path, row: Mapping[str, Any]) -> None:
        try:
            append_line(path, row)
        except DeploymentError as error:
            self.report(f"{self.product}: {error}")
