"""From a finished step to what Dagster records: metadata for people, the data version, one check result a gate."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg

from llmops_assets.defs.partitions import PRODUCTS
from llmops_assets.gates import GateResult
from llmops_assets.pipeline import graph
from llmops_assets.pipeline.workshop import Made, Workshop
from llmops_assets.resources.workshop import WorkshopResource
from llmops_assets.storage.artifact import Artifact

EMPTY: tuple[Any, ...] = (None, "", [], {})
SUBJECTS = ("name", "asked")


def check_specs(asset: str) -> list[dg.AssetCheckSpec]:
    """The checks of an asset; their names are the same for every product, only thresholds differ."""
    return [
        dg.AssetCheckSpec(
            check.name,
            asset=asset,
            blocking=check.gate.blocking,
            partitions_def=PRODUCTS,
            description=_sentence(check),
        )
        for check in graph.default_checks(asset)
    ]


def _sentence(check: graph.Check) -> str:
    said = check.name.replace("_", " ").capitalize()
    return f"{said}: `{check.gate.metric}` {check.gate.threshold} unless the product's recipe says otherwise."


def code_version(asset: str) -> str:
    """The version of an asset's code, as the artifact store counts it."""
    return graph.BY_NAME[asset].code_version


def shown(
    step: Callable[[Workshop], Made], workshop: WorkshopResource, context: dg.AssetExecutionContext
) -> dg.MaterializeResult[Any]:
    """Carries a step out and says what the UI shows of it.

    Raises:
        dagster.Failure: the step raised. Only a step that was lost with its machine is tried again: an error would come again.
    """
    try:
        return materialized(step(workshop.of(context)))
    except Exception as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def materialized(made: Made) -> dg.MaterializeResult[Any]:
    """What the UI shows of a finished step: its metadata, its data version, one result a gate."""
    asset = made.artifact.asset
    names = [name for name, _ in graph.check_names(asset, made.recipe)]
    results = [_check(made, name, result) for name, result in zip(names, made.verdict.results, strict=True)]
    return dg.MaterializeResult(
        metadata=_metadata(made), data_version=dg.DataVersion(made.artifact.digest), check_results=results
    )


def _check(made: Made, name: str, result: GateResult) -> dg.AssetCheckResult:
    metadata: dict[str, Any] = {"outcome": result.outcome, "threshold": result.gate.threshold, "n": result.metric.n}
    if result.metric.value is not None:
        metadata["value"] = _rounded(float(result.metric.value))
    if result.metric.low is not None and result.metric.high is not None:
        metadata["interval_95"] = f"{result.metric.low:.3f} to {result.metric.high:.3f}"
    if made.overrides:
        metadata["overridden"] = _overridden(made)
    return dg.AssetCheckResult(
        asset_key=made.artifact.asset,
        check_name=name,
        passed=result.outcome == "passed",
        severity=dg.AssetCheckSeverity.ERROR if result.gate.blocking else dg.AssetCheckSeverity.WARN,
        description=result.reason,
        metadata=metadata,
    )


def _metadata(made: Made) -> dict[str, Any]:
    """What a reader looks for first stands first; what holds nothing is left out."""
    shown_values: dict[str, Any] = {"overridden": _overridden(made)} if made.overrides else {}
    if made.verdict.results:
        shown_values["gates"] = dg.MetadataValue.md(_gate_table(made))
    found = made.artifact.metadata["shown"]
    for name in sorted(found, key=_to_be_read_later):
        if found[name] not in EMPTY:
            shown_values[name] = metadata_value(made.artifact, name, found[name])
    return shown_values | _origin(made.artifact)


def _to_be_read_later(name: str) -> bool:
    return not name.endswith(("_plot", "_markdown"))


def _origin(artifact: Artifact) -> dict[str, Any]:
    pages = {f"{page.stem}_html": dg.MetadataValue.path(str(page)) for page in sorted(artifact.folder.glob("*.html"))}
    return pages | {
        "cached": artifact.cached,
        "duration_s": artifact.duration_s,
        "size_mib": _rounded(artifact.size / 2**20),
        "path": dg.MetadataValue.path(artifact.location),
        "digest": artifact.digest,
    }


def _overridden(made: Made) -> dg.MarkdownMetadataValue:
    """Who let a red gate through, of this asset or of one that it is made from."""
    return dg.MetadataValue.md("\n\n".join(record.markdown for record in made.overrides))


def metadata_value(artifact: Artifact, name: str, value: Any) -> Any:
    """One value as the UI shows it: a picture, text or table where it is one, JSON where it is nested."""
    shown_file = name.endswith(("_plot", "_markdown"))
    if shown_file and artifact.dropped:
        return f"{value} was dropped (save_intermediate: false)"
    if shown_file and artifact.file(value).is_file():
        file = artifact.file(value)
        return _image(file) if name.endswith("_plot") else dg.MetadataValue.md(file.read_text(encoding="utf-8"))
    if name.endswith("_markdown"):
        return dg.MetadataValue.md(value)
    if isinstance(value, list) and value and all(_is_flat(row) for row in value):
        return dg.MetadataValue.table(records=[dg.TableRecord(_in_reading_order(row)) for row in value])
    if isinstance(value, dict) and _is_flat(value):
        return dg.MetadataValue.table(
            records=[dg.TableRecord({"name": key, "value": _cell(cell)}) for key, cell in value.items()],
            schema=dg.TableSchema([dg.TableColumn("name", "string"), dg.TableColumn("value", "string")]),
        )
    if isinstance(value, float):
        return _rounded(value)
    return dg.MetadataValue.json(value) if isinstance(value, dict | list) else value


def _cell(value: str | float | bool) -> str:
    return str(_rounded(value) if isinstance(value, float) else value)


def _rounded(value: float) -> float:
    """Six digits: what a person reads; the files hold the rest."""
    return float(f"{value:.6g}")


def _in_reading_order(row: dict[str, Any]) -> dict[str, Any]:
    """The columns of a table: what a row is about stands first; the store keeps keys sorted."""
    return {name: row[name] for name in sorted(row, key=lambda name: name not in SUBJECTS)}


def _is_flat(row: Any) -> bool:
    """Whether a row fits a table: a mapping of plain values."""
    return isinstance(row, dict) and all(isinstance(cell, str | int | float | bool) for cell in row.values())


def _image(path: Path) -> dg.MarkdownMetadataValue:
    import base64

    data = base64.b64encode(path.read_bytes()).decode()
    return dg.MetadataValue.md(f"![{path.stem}](data:image/png;base64,{data})")


def _gate_table(made: Made) -> str:
    lines = ["| metric | value | threshold | n | outcome |", "|---|---|---|---|---|"]
    for row in made.verdict.rows():
        value = "unscored" if row["value"] is None else f"{row['value']:.4g}"
        lines.append(f"| {row['metric']} | {value} | {row['threshold']} | {row['n']} | {row['outcome']} |")
    return "\n".join(lines)
