"""objstore: an S3-compatible object store for AI platforms."""

__version__ = "0.1.0"
