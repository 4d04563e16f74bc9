"""Where the bytes of uploads are: the local disk, or an S3-compatible object store. Both behave alike.

A row of `Upload` names its store, so that files can be in both while they are being moved.
"""

from uploads.stores.base import (
    ObjectInfo,
    ObjectStore,
    StoreUnavailable,
    UnfinishedUpload,
    all_names,
    current,
    sha256_of,
    store_named,
)

__all__ = [
    "ObjectInfo",
    "ObjectStore",
    "StoreUnavailable",
    "UnfinishedUpload",
    "all_names",
    "current",
    "sha256_of",
    "store_named",
]
