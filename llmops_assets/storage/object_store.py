"""Objects on an S3 server, whole or not at all: S3's own, or any that speaks its API (AWS_ENDPOINT_URL).

Credentials come from the environment, as boto3 reads it; none is written or logged here.
"""

import contextlib
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from llmops_assets.errors import StoreError
from llmops_assets.storage import atomic

SCHEME = "s3"
ABSENT = frozenset({"NoSuchKey", "404", "NotFound"})
TAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


@dataclass(frozen=True)
class Listed:
    """What a listing says of an object: its size in bytes, and when it was written."""

    size: int
    modified: datetime


@dataclass(frozen=True)
class Read:
    """An object's bytes with its version on the server, by which a write can be bound to what was read."""

    data: bytes
    etag: str


@dataclass(frozen=True)
class ObjectStore:
    """The objects below one prefix of one bucket; names are relative to it."""

    bucket: str
    prefix: str = ""

    @classmethod
    def of(cls, url: str) -> "ObjectStore":
        """The store that `s3://bucket/prefix` names.

        Raises:
            StoreError: the URL names none.
        """
        parts = urlparse(url)
        if parts.scheme != SCHEME or not parts.netloc or parts.query or parts.fragment:
            raise StoreError(f"expected LLMOPS_STORE to be a folder or s3://bucket/prefix, got {url}")
        return cls(parts.netloc, parts.path.strip("/"))

    def url(self, name: str) -> str:
        """Where an object lies, for people."""
        return f"{SCHEME}://{self.bucket}/{self._key(name)}"

    def read(self, name: str) -> Read | None:
        """A small object; None where there is none."""
        with _errors(self.url(name)):
            try:
                found = _client().get_object(Bucket=self.bucket, Key=self._key(name))
            except _client().exceptions.NoSuchKey:
                return None
            return Read(found["Body"].read(), found["ETag"])

    def write(self, name: str, data: bytes) -> None:
        """Writes a small object, whatever there was."""
        with _errors(self.url(name)):
            _client().put_object(Bucket=self.bucket, Key=self._key(name), Body=data)

    def write_if_unchanged(self, name: str, data: bytes, seen: Read | None) -> bool:
        """Writes a small object if it still is what was seen (None: not there); False where somebody was faster."""
        condition = {"IfNoneMatch": "*"} if seen is None else {"IfMatch": seen.etag}
        try:
            with _errors(self.url(name)):
                _client().put_object(Bucket=self.bucket, Key=self._key(name), Body=data, **condition)
        except StoreError as error:
            if _code(error.__cause__) in TAKEN:
                return False
            raise
        return True

    def upload(self, path: Path, name: str) -> None:
        """Sends a file; the server compares what arrives with its checksum."""
        with _errors(self.url(name)):
            _client().upload_file(str(path), self.bucket, self._key(name))

    def download(self, name: str, path: Path) -> None:
        """Fetches an object as a file, whole or not at all; whose bytes they are is for the caller to compare."""
        with atomic.written_aside(path) as file, _errors(self.url(name)):
            _client().download_fileobj(self.bucket, self._key(name), file)

    def list(self, folder: str) -> dict[str, Listed]:
        """Everything below a folder, by its name within it."""
        start = f"{self._key(folder)}/"
        with _errors(self.url(folder)):
            pages = _client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=start)
            return {
                entry["Key"].removeprefix(start): Listed(entry["Size"], entry["LastModified"])
                for page in pages
                for entry in page.get("Contents", [])
            }

    def delete(self, name: str) -> None:
        """Deletes an object; one that is not there is no error."""
        with _errors(self.url(name)):
            _client().delete_object(Bucket=self.bucket, Key=self._key(name))

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name


def _client() -> Any:
    """A client of the server that the environment names now."""
    return _client_of(*(os.environ.get(name, "") for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")))


@functools.cache
def _client_of(*_endpoints: str) -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise StoreError(
            "expected boto3 for a store on S3, found none; pip install 'llmops_assets[cluster]'"
        ) from error
    return boto3.client("s3", config=Config(retries={"mode": "standard", "max_attempts": 5}))


@contextlib.contextmanager
def _errors(where: str) -> Iterator[None]:
    """Turns what boto3 raises inside the block into one line."""
    _client()
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, Boto3Error) as error:
        raise StoreError(
            f"expected to reach {where}, got: {' '.join(str(error).split())}; "
            "set AWS_ENDPOINT_URL, AWS_DEFAULT_REGION and the credentials right, or mend the network"
        ) from error


def _code(error: BaseException | None) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
