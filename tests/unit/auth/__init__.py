"""Signatures, presigned URLs, payload framing, digests."""
