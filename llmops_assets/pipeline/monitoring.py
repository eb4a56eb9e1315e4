"""Stage 5: the profile an operator loads, and recent requests against its baseline."""

import time
from pathlib import Path
from typing import Any

from llmops_assets.monitoring.baseline import build_baseline, choose_traffic
from llmops_assets.monitoring.drift import DriftReport
from llmops_assets.monitoring.drift import drift_report as compare_traffic
from llmops_assets.monitoring.drift_markdown import drift_markdown
from llmops_assets.monitoring.profile import write_profile
from llmops_assets.monitoring.prompt_embedding import embed_prompt
from llmops_assets.monitoring.published_drift import publish_drift
from llmops_assets.pipeline.traffic import feedback_log, request_log
from llmops_assets.pipeline.workshop import Made, Workshop, digests, metadata
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import Artifact


def monitoring_profile(shop: Workshop) -> Made:
    """Writes baseline, rules, routes, dashboards and runbooks."""
    deployed, report, config = shop.need("ollama_deployment"), shop.need("eval_report"), shop.recipe.monitoring
    version = deployed.metadata["shown"]["version"]

    def make(work: Path) -> dict[str, Any]:
        traffic = choose_traffic(config.drift, evaluation=_traffic(report), production=production_traffic(shop))
        baseline = build_baseline(
            traffic.records,
            product=shop.product,
            version=version,
            evaluation_metrics=_values(report),
            source=traffic.source,
        )
        found = write_profile(
            work,
            product=shop.product,
            version=version,
            config=config,
            baseline=baseline,
            evaluation_metrics=_values(report),
            # The gateway of this machine, as the profile's own Prometheus reaches it from its container.
            targets=[f"host.docker.internal:{config.metrics_port}"],
        )
        return metadata({"baseline_records": found["baseline_records"]}, **found, readme_markdown="README.md")

    settings = {"monitoring": config.model_dump(mode="json"), "version": version}
    return shop.build("monitoring_profile", inputs=digests(deployed, report), settings=settings, make=make)


def _traffic(report: Artifact) -> list[dict[str, Any]]:
    keys = ("prompt_chars", "answer_chars", "action", "refused", "format_valid", "latency_s")
    rows = atomic.read_jsonl(report.file("traffic.jsonl"))
    return [{**{key: row[key] for key in keys}, "prompt_embedding": embed_prompt(row["prompt"])} for row in rows]


def _values(report: Artifact) -> dict[str, float]:
    return {name: row["value"] for name, row in report.metadata["metrics"].items() if row["value"] is not None}


def production_traffic(shop: Workshop) -> list[dict[str, Any]]:
    """What the gateway logged of requests to the version that was deployed last; empty where nothing was asked yet."""
    return _of_deployed(shop, request_log(shop.project, shop.product))


def ratings(shop: Workshop) -> list[dict[str, Any]]:
    """What the gateway logged of ratings of the version that was deployed last."""
    return _of_deployed(shop, feedback_log(shop.project, shop.product))


def _of_deployed(shop: Workshop, log: Path) -> list[dict[str, Any]]:
    version = shop.store.latest("ollama_deployment", shop.product).metadata["shown"]["version"]
    return [row for row in atomic.read_jsonl(log) if row.get("version") == version] if log.exists() else []


def drift_report(shop: Workshop) -> Made:
    """Compares the newest requests to what is deployed with the baseline, and lets the exporter show when that was done.

    Too little data is a state of its own.
    """
    profile, config = shop.need("monitoring_profile"), shop.recipe.monitoring.drift
    records = production_traffic(shop)[-config.window :]

    def make(work: Path) -> dict[str, Any]:
        found = compare_traffic(atomic.read_json(profile.file("baseline.json")), records, config)
        atomic.write_json(work / "drift.json", found.as_dict())
        atomic.write_text(work / "drift.md", drift_markdown(found))
        return metadata({"records": len(records)}, state=found.state, reason=found.reason, drift_markdown="drift.md")

    enough = len(records) >= config.minimum_sample
    # A request more or less below the minimum says nothing new, and would make every run do this again.
    settings = {
        "drift": config.model_dump(mode="json"),
        "records": atomic.sha256_json(records) if enough else "too few",
    }
    made = shop.build("drift_report", inputs=digests(profile), settings=settings, make=make)
    # Also where nothing new was asked: the report was looked at now, and still holds.
    found = DriftReport.from_dict(atomic.read_json(made.artifact.file("drift.json")))
    publish_drift(shop.project.home / "drift", found, measured_at=time.time())
    return made
