"""Reads the JSON of a request field by field, with the texts that Ollama's server has for what does not fit."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmops_assets.serving.api_errors import ApiError

LARGEST_BODY, LARGEST_QUESTION = 64 * 2**20, 2**20
NAMES = {str: "string", bool: "bool", dict: "object", list: "array", int: "number", float: "number"}
IN_GO = {str: "string", bool: "bool", dict: "map[string]interface {}", list: "[]interface {}", int: "int"}


@dataclass(frozen=True)
class Fields:
    """The fields of one JSON object; null counts as absent, as in Go."""

    values: Mapping[str, Any]
    kind: str

    def text(self, name: str) -> str:
        """A string, empty where absent."""
        return str(self._typed(name, str) or "")

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean."""
        found = self._typed(name, bool)
        return default if found is None else bool(found)

    def mapping(self, name: str) -> dict[str, Any]:
        """An object, empty where absent."""
        return dict(self._typed(name, dict) or {})

    def items(self, name: str) -> list[Any]:
        """An array, empty where absent."""
        return list(self._typed(name, list) or [])

    def texts(self, name: str) -> list[str]:
        """An array of strings."""
        items = self.items(name)
        for item in items:
            if not isinstance(item, str):
                raise _misfit(item, f"{self.kind}.{name}", "string")
        return items

    def number(self, name: str) -> int:
        """A whole number, 0 where absent."""
        return int(self._typed(name, int) or 0)

    def objects(self, name: str, kind: str) -> list["Fields"]:
        """An array of objects."""
        return [Fields(self._object(name, item), kind) for item in self.items(name)]

    def get(self, name: str) -> Any:
        """The value as it is; None where absent."""
        return self.values.get(name)

    def _object(self, name: str, item: Any) -> Mapping[str, Any]:
        if not isinstance(item, dict):
            raise _misfit(item, f"{self.kind}.{name}", "object")
        return item

    def _typed(self, name: str, wanted: type) -> Any:
        value = self.values.get(name)
        if value is None or type(value) is wanted:
            return value
        raise _misfit(value, f"{self.kind}.{name}", IN_GO[wanted])


def read_fields(body: bytes, kind: str) -> Fields:
    """The fields of a request's body.

    Args:
        body: the bytes.
        kind: what Ollama calls the request, for messages.

    Raises:
        ApiError: it is empty or no JSON object.
    """
    if not body.strip():
        raise ApiError(400, "missing request body")
    try:
        values = _without_lone_surrogates(json.loads(body), body)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"invalid JSON in the request body: {error}") from error
    if not isinstance(values, dict):
        raise _misfit(values, kind, "object")
    return Fields(values, kind)


def _without_lone_surrogates(values: Any, body: bytes) -> Any:
    """Half characters become U+FFFD, as in Go; no UTF-8 could hold them."""
    if b"\\ud" not in body.lower():
        return values
    text = json.dumps(values, ensure_ascii=False)
    return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def _misfit(value: Any, place: str, wanted: str) -> ApiError:
    got = NAMES.get(type(value), "null")
    return ApiError(400, f"json: cannot unmarshal {got} into Go struct field {place} of type {wanted}")
