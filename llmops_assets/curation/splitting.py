"""Train or validation, by the hash of a record's group: stable when data grow, and a group never on both sides."""

from llmops_assets.storage.atomic import sha256_bytes

BUCKETS = 10_000
TRAIN, VALIDATION = "train", "validation"


def side_of(group: str, train_split: float) -> str:
    """The side on which all records of this group are, whatever else there is.

    Args:
        group: the record's.
        train_split: the share of groups that train.
    """
    bucket = int(sha256_bytes(f"split:{group}".encode())[:8], 16) % BUCKETS
    return VALIDATION if bucket >= train_split * BUCKETS else TRAIN
