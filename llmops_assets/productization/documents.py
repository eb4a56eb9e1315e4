"""The papers and files of a bundle, rendered from templates. A name that a template needs and nobody gave is an error."""

import json
import math
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llmops_assets.errors import PackagingError
from llmops_assets.productization.inputs import BundleInputs
from llmops_assets.productization.licensing import Component, LicenceVerdict
from llmops_assets.productization.measures import read_measures
from llmops_assets.productization.pricing import money, price_per_thousand
from llmops_assets.productization.runtime import Requirement
from llmops_assets.recipes.product import PricingTier, ProductConfig

PORT = 11434
PYTHON_MINIMUM = "3.11"
KEY_MEASURES = frozenset(
    {"natural_accuracy", "accuracy", "format", "safety", "utility", "false_refusal", "latency_alone_p50_s"}
)
TEMPLATES = {
    ".dockerignore": "deployment/dockerignore.j2",
    "README.md": "docs/README.md.j2",
    "MODEL_CARD.md": "docs/MODEL_CARD.md.j2",
    "PRICING.md": "docs/PRICING.md.j2",
    "CHANGELOG.md": "docs/CHANGELOG.md.j2",
    "LICENSE": "docs/LICENSE.j2",
    "THIRD_PARTY_NOTICES.md": "docs/THIRD_PARTY_NOTICES.md.j2",
    "docs/QUICKSTART.md": "docs/QUICKSTART.md.j2",
    "docs/INTEGRATION.md": "docs/INTEGRATION.md.j2",
    "docs/API.md": "docs/API.md.j2",
    "docs/TROUBLESHOOTING.md": "docs/TROUBLESHOOTING.md.j2",
    "deployment/scripts/install.sh": "deployment/install.sh.j2",
    "deployment/scripts/serve.sh": "deployment/serve.sh.j2",
    "deployment/scripts/health-check.sh": "deployment/health-check.sh.j2",
    "deployment/scripts/create_model.py": "deployment/create_model.py.j2",
    "deployment/docker/Dockerfile": "deployment/Dockerfile.j2",
    "deployment/docker/compose.yaml": "deployment/compose.yaml.j2",
    "deployment/kubernetes/deployment.yaml": "deployment/deployment.yaml.j2",
    "deployment/kubernetes/service.yaml": "deployment/service.yaml.j2",
    "integration/python/{module}.py": "integration/client.py.j2",
    "integration/python/examples/ask.py": "integration/ask.py.j2",
    "integration/python/examples/guarded.py": "integration/guarded.py.j2",
    "integration/python/examples/batch.py": "integration/batch.py.j2",
}


def model_name(product: ProductConfig) -> str:
    """The model's name in a server: `taskmaster:1.4.0`."""
    return f"{product.slug}:{product.version}"


def model_file(product: ProductConfig) -> str:
    """The name of the model's file in the bundle."""
    return f"{product.slug}-{product.version}.gguf"


def client_module(product: ProductConfig) -> str:
    """The module of the Python client."""
    return f"{product.slug.replace('-', '_')}_client"


def render_documents(context: dict[str, Any]) -> dict[str, str]:
    """Every generated file by its path in the bundle.

    Raises:
        PackagingError: a template needs what the context does not hold.
    """
    import jinja2

    environment = template_environment()
    try:
        return {
            path.format(module=context["module"]): tidy(environment.get_template(name).render(context), path)
            for path, name in TEMPLATES.items()
        }
    except jinja2.UndefinedError as error:
        raise PackagingError(
            f"expected all that the documents of {context['product'].product_name} say, got: {error}"
        ) from error


def tidy(text: str, path: str) -> str:
    """One empty line at most between paragraphs of markdown, one newline at the end."""
    plain = re.sub(r"\n{3,}", "\n\n", text) if path.endswith(".md") else text
    return plain.strip("\n") + "\n"


def template_environment(*, autoescape: bool = False) -> Any:
    """Jinja2 over this package's templates; undefined names are errors."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=autoescape,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        cell=_cell,
        linked=_linked,
        money=money,
        limit=_limit,
        per_thousand=_per_thousand,
        plain=_plain,
        quoted=json.dumps,
        shell=shlex.quote,
    )
    return environment


def document_context(
    product: ProductConfig,
    inputs: BundleInputs,
    verdicts: Sequence[LicenceVerdict],
    needed: Sequence[Requirement],
    fingerprint: str,
) -> dict[str, Any]:
    """All that the templates may say.

    Raises:
        PackagingError: a measured number is missing.
    """
    measures = read_measures(inputs.evaluation, product.product_name)
    size = inputs.gguf.stat().st_size
    request = {
        "model": model_name(product),
        "messages": [{"role": "user", "content": inputs.examples[0].request}],
        "stream": False,
    }
    return {
        "product": product,
        "module": client_module(product),
        "client_class": "".join(part[:1].upper() + part[1:] for part in re.split(r"[-_]", product.product_name))
        + "Client",
        "slug": product.slug,
        "model_name": model_name(product),
        "model_file": model_file(product),
        "model_size": f"{size / 1e6:,.0f} MB" if size >= 1e6 else f"{size:,} bytes",
        "gguf_sha256": inputs.gguf_sha256,
        "quantization": _reported(inputs, "quantization", product),
        "memory_mib": memory_mib(size),
        "disk_mib": 2 * math.ceil(size / 2**20) + 64,
        "port": PORT,
        "python_minimum": PYTHON_MINIMUM,
        "measures": measures,
        "headline": measures[0],
        "contract": next(measure for measure in measures if measure.name == "accuracy"),
        "key_measures": [measure for measure in measures if measure.name in KEY_MEASURES],
        "gates": inputs.gates.rows(),
        "overrides": [record.line for record in inputs.overrides],
        "proves": inputs.evaluation.get("proves") or [],
        "comparison": inputs.evaluation.get("comparison") or [],
        "bases": [verdict.component for verdict in verdicts if verdict.component.kind == "base model"],
        "data_verdicts": [verdict for verdict in verdicts if verdict.component.kind == "data set"],
        "guard_verdicts": [verdict for verdict in verdicts if verdict.component.kind == "guard data set"],
        "total_rows": sum(source.rows for source in inputs.sources),
        "requirements": needed,
        "examples": inputs.examples,
        "chat_request": json.dumps(request, indent=2, ensure_ascii=False),
        "curl_body": json.dumps(request, ensure_ascii=False),
        "task_page": _below_heading(inputs.task_page.read_text(encoding="utf-8")),
        "task": inputs.task,
        "has_classifier": inputs.guard is not None,
        "has_schema": inputs.schema is not None,
        "fingerprint": fingerprint,
    }


def memory_mib(model_bytes: int) -> int:
    """What to reserve for serving: the file, the context cache and the server, rounded up to 256 MiB."""
    return math.ceil((model_bytes / 2**20 + 700) / 256) * 256


def _reported(inputs: BundleInputs, key: str, product: ProductConfig) -> Any:
    if not inputs.evaluation.get(key):
        raise PackagingError(
            f"expected {key} in the evaluation report of {product.product_name}, found none; materialise eval_report again"
        )
    return inputs.evaluation[key]


def _below_heading(page: str) -> str:
    """A page's headings two levels lower, so that it reads as a section of another."""
    return re.sub(r"^(#+ )", r"##\1", page.strip(), flags=re.MULTILINE)


def _cell(text: object) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def _linked(component: Component) -> str:
    return f"[{_cell(component.name)}]({component.url})" if component.url else _cell(component.name)


def _limit(number: int | None) -> str:
    return "unlimited" if number is None else f"{number:,}"


def _per_thousand(tier: PricingTier) -> str:
    price = price_per_thousand(tier)
    return "depends on use" if price is None else money(price, tier.currency)


def _plain(number: float | None) -> str:
    return "unscored" if number is None else f"{number:.4g}"
