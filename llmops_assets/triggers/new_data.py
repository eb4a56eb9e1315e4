"""New data ask for one run a product and data version; while a product's run goes on its newer data wait, and the last state wins.

The cursor: {"commit": "3f9c...", "trees": {"TaskMaster": {"raw": "81aa...", "eval": "9d0e..."}}}; a product's trees are those of
its last asked-for run. Without them it is asked for again.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from llmops_assets.triggers.data_source import Parts, Snapshot


@dataclass(frozen=True)
class NewData:
    """A product whose data are others than at its last run.

    Attributes:
        key: `product:tree@commit`, of which Dagster makes one run and never a second.
        changed: the parts that differ: raw, review, eval.
    """

    product: str
    key: str
    changed: tuple[str, ...]

    @property
    def reason(self) -> str:
        """For the run."""
        return f"new data: {', '.join(self.changed)}"


@dataclass(frozen=True)
class Noticed:
    """What a look at the data came to.

    Attributes:
        new: what is asked for now.
        cursor: what is known afterwards.
        reason: why nothing is asked for, or who waits; empty where there is nothing to say.
    """

    new: tuple[NewData, ...]
    cursor: str
    reason: str


def notice(
    cursor: str,
    now: Snapshot,
    products: Sequence[str],
    *,
    busy: Callable[[str], bool],
    used: Callable[[str], bool],
) -> Noticed:
    """Compares the data with those of the last look.

    Args:
        cursor: of the last look; empty: everything is new.
        now: the data.
        products: those that have a recipe.
        busy: whether a run of the product waits or goes on.
        used: whether a run was asked for by this key before. The way back to older data, and a person who emptied the
            cursor after a failure, ask by a key with a number: `product:tree@commit#2`.
    """
    before: Mapping[str, Parts] = json.loads(cursor).get("trees", {}) if cursor else {}
    different = [name for name in products if name in now.trees and now.trees[name] != before.get(name)]
    waiting = [name for name in different if busy(name)]
    new = tuple(_new(name, now, before.get(name, {}), used) for name in different if name not in waiting)
    trees = {**before, **{found.product: now.trees[found.product] for found in new}}
    known = json.dumps({"commit": now.commit, "trees": trees}, sort_keys=True)
    return Noticed(new, known, _reason(now, waiting, bool(different)))


def _new(product: str, now: Snapshot, before: Parts, used: Callable[[str], bool]) -> NewData:
    parts = now.trees[product]
    key = f"{product}:{parts['raw']}@{now.commit or 'folder'}"
    changed = tuple(sorted(part for part in parts.keys() | before.keys() if parts.get(part) != before.get(part)))
    return NewData(product, _free(key, used), changed)


def _free(key: str, used: Callable[[str], bool]) -> str:
    if not used(key):
        return key
    return next(numbered for number in count(2) if not used(numbered := f"{key}#{number}"))


def _reason(now: Snapshot, waiting: Sequence[str], different: bool) -> str:
    if waiting:
        return f"{', '.join(waiting)}: new data wait until the run in progress has ended"
    if different:
        return ""
    return f"no product has new data in {now.place}" if now.trees else f"there are no data yet: {now.place}"
