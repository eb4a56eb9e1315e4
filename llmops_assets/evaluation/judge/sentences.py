"""What the judge said and how far to trust it, in sentences and one small table, for report.md and the page."""

from collections.abc import Mapping
from typing import Any

NONE = "no judge: the recipe names none"


def sentences(found: Mapping[str, Any]) -> list[str]:
    """One sentence a finding; where nothing was judged, why."""
    if found["missing"]:
        return [f"The judge was not heard (n = 0): {found['missing']}. The next evaluation asks it again."]
    said = [_scores(found)]
    if found["n"]:
        said += [_agreement(found["agreement"]), _length(found)]
    return [*said, *_pairs(found)]


def markdown_lines(found: Mapping[str, Any] | None) -> list[str]:
    """The judge's part of report.md."""
    if found is None:
        return [NONE]
    lines = [f"Judge {found['model']} ({found['provider']}), a second opinion that gates nothing:", ""]
    lines += [f"- {line}" for line in found["says"]]
    return [*lines, *_table(found)]


def _table(found: Mapping[str, Any]) -> list[str]:
    table = found["agreement"]
    if not table["n"]:
        return []
    return [
        "",
        "| | scorer: right | scorer: wrong |",
        "|---|---|---|",
        f"| judge: {found['right_from']} or more | {table['both_right']} | {table['judge_only']} |",
        f"| judge: less | {table['scorer_only']} | {table['both_wrong']} |",
    ]


def _scores(found: Mapping[str, Any]) -> str:
    unscored = _counted(found["unscored"])
    left = f"; unscored: {unscored}" if unscored else ""
    if not found["n"]:
        return f"Of {found['cases']} cases none could be scored (n = 0){left}."
    spread = ", ".join(f"{count} x {score}" for score, count in found["scores"].items() if count)
    return f"Mean score {found['mean']:.2f} of 5 on {found['n']} of {found['cases']} cases ({spread}){left}."


def _agreement(table: Mapping[str, Any]) -> str:
    if not table["n"]:
        return "No case has both a score of the judge and one of our scorer."
    kappa = "not defined" if table["kappa"] is None else f"{table['kappa']:.2f}"
    return (
        f"It agrees with our scorer in {table['agreement']:.3f} of {table['n']} cases "
        f"({table['low']:.3f} to {table['high']:.3f}), Cohen's kappa {kappa}: {table['judge_only']} only the judge calls right, "
        f"{table['scorer_only']} only the scorer."
    )


def _length(found: Mapping[str, Any]) -> str:
    whole, right = found["length"], found["length_of_right"]
    return f"Score against length of the answer (Spearman): {_rho(whole)}; among those that our scorer calls right {_rho(right)}."


def _rho(one: Mapping[str, Any]) -> str:
    if one["rho"] is None:
        return f"not defined (n = {one['n']})"
    return f"{one['rho']:+.2f} (p = {one['p_value']:.3g}, n = {one['n']})"


def _pairs(found: Mapping[str, Any]) -> list[str]:
    pairs, other = (
        found["position"],
        "the gold answer" if found["against"] == "gold" else "the deployed version's answer",
    )
    left = {"equal answers": found["same"], "no other answer": found["absent"], **found["pairs_unscored"]}
    rest = _counted({kind: count for kind, count in left.items() if count})
    without = f" Not compared: {rest}." if rest else ""
    if not pairs["n"]:
        return [f"No pair was compared with {other} (n = 0).{without}"]
    return [
        f"Compared with {other} in both orders (n = {pairs['n']}): the product's answer is better in {pairs['product']}, "
        f"the other in {pairs['other']}, neither in {pairs['tie']}; in {pairs['changed']} the winner changed with the order."
        f"{without}",
        _position(pairs),
    ]


def _position(pairs: Mapping[str, Any]) -> str:
    counts = f"{pairs['leans_first']} pairs lean to the first place, {pairs['leans_second']} to the second (p = {pairs['p_value']:.3g})"
    if not pairs["biased"]:
        return f"No position bias is proven: {counts}."
    place = "first" if pairs["leans_first"] > pairs["leans_second"] else "second"
    return f"Position bias: the judge prefers the {place} answer, whichever it is; {counts}."


def _counted(kinds: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items())
