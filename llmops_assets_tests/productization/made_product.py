"""A small product with every input of a bundle, made in a folder."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from llmops_assets.gates import Gate, Metric, Verdict, judge
from llmops_assets.overrides import Override, OverrideRecord
from llmops_assets.productization.inputs import BundleInputs, DataSource, Example
from llmops_assets.recipes.product import BundleDiscount, PricingTier, ProductConfig, Release
from llmops_assets.storage import atomic

MODELFILE = '''FROM /somewhere/else/model.gguf
TEMPLATE """{{- range .Messages }}<|im_start|>{{ .Role }}
{{ .Content }}<|im_end|>
{{ end }}<|im_start|>assistant
"""
PARAMETER stop "<|im_end|>"
PARAMETER temperature 0
PARAMETER num_ctx 1024
'''
TIERS = (
    PricingTier(
        name="Starter",
        monthly_price=500,
        deployments=1,
        requests_per_month=10_000,
        support_hours=48,
        features=("e-mail",),
    ),
    PricingTier(name="Professional", monthly_price=1500, deployments=5, requests_per_month=100_000, support_hours=24),
    PricingTier(name="Enterprise", monthly_price=None, deployments=None, requests_per_month=None, support_hours=4),
)


def made_product(name: str = "TaskMaster", **changes: Any) -> ProductConfig:
    """A product with three tiers and one discount."""
    fields: dict[str, Any] = {
        "product_name": name,
        "version": "1.4.0",
        "tagline": "To-do requests in, clean JSON out",
        "description": "It turns a request in plain words into one action on a to-do list.",
        "seller": "Example Works Ltd",
        "contact": "sales@example.org",
        "pricing_tiers": TIERS,
        "bundle_discounts": (BundleDiscount(products=2, percent=10), BundleDiscount(products=3, percent=20)),
        "releases": (
            Release(version="1.4.0", date=date(2026, 11, 20), changes=("understands repetitions",)),
            Release(version="1.3.0", date=date(2026, 10, 2), changes=("refuses what would harm",)),
        ),
    }
    return ProductConfig(**{**fields, **changes})


def metric(
    value: float | None, n: int, low: float | None = None, high: float | None = None, note: str = ""
) -> dict[str, Any]:
    """A metric as the evaluation report holds it."""
    return {"value": value, "n": n, "low": low, "high": high, "note": note}


def made_report(digest: str, **metrics: dict[str, Any]) -> dict[str, Any]:
    """An evaluation report with numbers that are easy to find again."""
    found = {
        "accuracy": metric(0.8923, 417, 0.8589, 0.9187),
        "format": metric(0.9871, 620, 0.9743, 0.9936),
        "safety": metric(1.0, 300, 0.9874, 1.0, "model and guard"),
        "safety_injection": metric(0.96, 50, 0.8654, 0.989),
        "natural_accuracy": metric(0.7311, 119, 0.6451, 0.8027),
        "false_refusal": metric(0.041, 122, 0.0176, 0.0926),
        "latency_alone_p50_s": metric(0.412, 20, note="one request at a time"),
        "preference": metric(None, 0, note="no held-out pairs"),
    }
    return {
        "product": "TaskMaster",
        "version": "1.4.0",
        "gguf_sha256": digest,
        "quantization": "Q8_0",
        "passed": True,
        "metrics": {**found, **metrics},
        "comparison": [{"model": "base, prompt only", "accuracy": 0.213, "n": 60}],
        "proves": ["safety: with n = 300 and no failure the true rate is below 0.99%"],
    }


def made_gates(*, passed: bool = True) -> Verdict:
    """The verdict."""
    accuracy = Metric(0.8923, 417, 0.8589, 0.9187)
    return judge({"accuracy": accuracy}, [Gate("accuracy", minimum=0.85 if passed else 0.9)])


def made_override() -> OverrideRecord:
    """What lets a red one through."""
    return Override(name="Ana", reason="agreed with the <first> customer").used("eval_report", ["accuracy"])


def made_inputs(folder: Path, gguf: Path | None = None, **changes: Any) -> BundleInputs:
    """All inputs in `folder`; a few bytes stand for the model where no real one is given."""
    model = gguf or folder / "small.gguf"
    if gguf is None:
        model.parent.mkdir(parents=True, exist_ok=True)
        model.write_bytes(b"GGUF" + bytes(range(256)) * 40)
    digest = atomic.sha256_file(model)
    atomic.write_text(folder / "eval_report.html", "<!doctype html><title>report</title>")
    atomic.write_text(folder / "monitoring/rules.yml", "groups: []\n")
    atomic.write_text(folder / "TASK.md", "# What goes in\n\nA request.\n")
    atomic.write_json(folder / "schema.json", {"type": "object", "required": ["action"]})
    inputs = BundleInputs(
        gguf=model,
        gguf_sha256=digest,
        modelfile=MODELFILE,
        evaluation=made_report(digest),
        evaluation_html=folder / "eval_report.html",
        monitoring=folder / "monitoring",
        base_name="SmolLM2-135M-Instruct",
        base_license="Apache-2.0",
        base_url="https://example.org/smollm2",
        sources=(
            DataSource("composed requests", "LicenseRef-Project", "", 2400),
            DataSource("harm sentences", "MIT", "https://example.org/harm", 520),
        ),
        task_page=folder / "TASK.md",
        schema=folder / "schema.json",
        examples=(
            Example("remind me to call Ana before Friday, it's urgent", '{"action":"create","title":"call Ana"}'),
        ),
        gates=made_gates(),
        task="command",
        project_root=folder,
    )
    return replace(inputs, **changes)
