"""Models on disk, laid out like Ollama's: manifests by name that point to blobs by digest.

A manifest is written aside and renamed, so a name points to the old model or to the new one, never to half of one.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets.errors import ServingError
from llmops_assets.serving.blobs import BlobStore, hex_of
from llmops_assets.serving.model_names import ModelName, parse_name
from llmops_assets.storage import atomic

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
LAYER_TYPE = "application/vnd.ollama.image."
PRUNE_AGE_SECONDS = 3600.0


class ModelNotFoundError(ServingError):
    """A name that no model has."""


@dataclass(frozen=True)
class StoredModel:
    """A model as its manifest says it; `digest` is the manifest's, `gguf` the weights'."""

    name: ModelName
    digest: str
    size: int
    modified_ns: int
    config: Mapping[str, Any]
    gguf: str
    template: str
    system: str
    parameters: Mapping[str, Any]
    messages: tuple[Mapping[str, str], ...]
    license: tuple[str, ...]


class ModelLibrary:
    """The models below one folder; safe for many threads of one process."""

    def __init__(self, root: Path) -> None:
        """Opens or begins a library."""
        self.blobs = BlobStore(root / "blobs")
        self._manifests = root / "manifests"
        self._lock = threading.RLock()
        for folder in (self.blobs.root, self._manifests):
            folder.mkdir(parents=True, exist_ok=True)

    def names(self) -> list[ModelName]:
        """Every name that has a manifest."""
        found = []
        for path in sorted(self._manifests.glob("*/*/*/*")):
            parts = path.relative_to(self._manifests).parts
            if path.is_file() and not path.name.startswith("."):
                found.append(ModelName(*parts))
        return found

    def find(self, name: str) -> ModelName:
        """The name as it is stored, whatever case it is asked for in.

        Raises:
            InvalidNameError: it is no name.
            ModelNotFoundError: no model has it.
        """
        wanted = parse_name(name)
        for known in self.names():
            if known.key == wanted.key:
                return known
        raise ModelNotFoundError(f"model '{name}' not found")

    def models(self) -> list[StoredModel]:
        """Every model whose manifest and layers can be read, newest first."""
        return sorted(self._readable(), key=lambda model: (-model.modified_ns, str(model.name)))

    def model(self, name: str) -> StoredModel:
        """One model.

        Raises:
            ModelNotFoundError: no model has that name.
            ServingError: its manifest or a layer cannot be read.
        """
        return self._read(self.find(name))

    def write(self, name: str, config: Mapping[str, Any], layers: list[dict[str, Any]]) -> None:
        """Points a name to layers; what the name alone pointed to before is deleted.

        Raises:
            ServingError: a layer's blob has gone in the meantime.
        """
        with self._lock:
            missing = [layer["digest"] for layer in layers if not self.blobs.has(layer["digest"])]
            if missing:
                raise ServingError(f"blob {missing[0]} not found; upload it again")
            target = self._spelled(name)
            before = self._references(target)
            blob = self.layer(CONFIG_TYPE, json.dumps(config, separators=(",", ":")).encode())
            manifest = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": blob, "layers": layers}
            atomic.write_bytes(self._path(target), json.dumps(manifest, separators=(",", ":")).encode())
            self._drop_unreferenced(before)

    def layer(self, media_type: str, data: bytes) -> dict[str, Any]:
        """Stores bytes and describes them for a manifest."""
        return {"mediaType": media_type, "digest": self.blobs.add(data), "size": len(data)}

    def copy(self, source: str, destination: str) -> None:
        """Lets another name point to the same model: the manifest's very bytes."""
        with self._lock:
            data = self._path(self.find(source)).read_bytes()
            target = self._spelled(destination)
            before = self._references(target)
            atomic.write_bytes(self._path(target), data)
            self._drop_unreferenced(before)

    def delete(self, name: str) -> None:
        """Deletes a name, and every blob that no other name needs."""
        with self._lock:
            known = self.find(name)
            before = self._references(known)
            self._path(known).unlink()
            self._drop_unreferenced(before)

    def prune(self) -> None:
        """Deletes blobs that no model needs and that are older than an hour; nothing while a manifest is unreadable."""
        with self._lock:
            self.blobs.drop_uploads()
            old = time.time() - PRUNE_AGE_SECONDS
            self._drop_unreferenced(
                {digest for digest in self.blobs.digests() if self.blobs.path(digest).stat().st_mtime < old}
            )

    def _readable(self) -> Iterator[StoredModel]:
        for name in self.names():
            try:
                yield self._read(name)
            except (ServingError, FileNotFoundError):
                continue

    def _read(self, name: ModelName) -> StoredModel:
        path = self._path(name)
        try:
            data, modified = path.read_bytes(), path.stat().st_mtime_ns
        except FileNotFoundError as error:
            raise ModelNotFoundError(f"model '{name}' not found") from error
        try:
            manifest = json.loads(data)
            config = json.loads(self.blobs.path(manifest["config"]["digest"]).read_bytes())
            layers = [(layer["mediaType"].removeprefix(LAYER_TYPE), layer) for layer in manifest["layers"]]
            texts = {kind: self._text(layer) for kind, layer in layers if kind not in ("model", "license")}
            return StoredModel(
                name=name,
                digest=atomic.sha256_bytes(data),
                size=manifest["config"]["size"] + sum(layer["size"] for _, layer in layers),
                modified_ns=modified,
                config=config,
                gguf=next(layer["digest"] for kind, layer in layers if kind == "model"),
                template=texts.get("template", ""),
                system=texts.get("system", ""),
                parameters=json.loads(texts.get("params", "{}")),
                messages=tuple(json.loads(texts.get("messages", "[]"))),
                license=tuple(self._text(layer) for kind, layer in layers if kind == "license"),
            )
        except (OSError, ValueError, KeyError, TypeError, StopIteration, ServingError) as error:
            raise ServingError(
                f"the manifest of model '{name}' cannot be read ({error}); create the model again"
            ) from error

    def _text(self, layer: Mapping[str, Any]) -> str:
        return self.blobs.path(layer["digest"]).read_text(encoding="utf-8")

    def _spelled(self, name: str) -> ModelName:
        """The name as stored where it exists in any case, else as given."""
        try:
            return self.find(name)
        except ModelNotFoundError:
            return parse_name(name)

    def _path(self, name: ModelName) -> Path:
        return self._manifests.joinpath(*name.parts)

    def _references(self, name: ModelName) -> set[str]:
        """The digests that a manifest names; none where there is no manifest, or half of one."""
        try:
            manifest = json.loads(self._path(name).read_bytes())
            return {f"sha256:{hex_of(part['digest'])}" for part in (manifest["config"], *manifest["layers"])}
        except (OSError, ValueError, KeyError, TypeError, ServingError):
            return set()

    def _drop_unreferenced(self, candidates: set[str]) -> None:
        names = self.names()
        needed = [self._references(name) for name in names]
        if all(needed):
            self.blobs.remove(candidates - set[str]().union(*needed))
