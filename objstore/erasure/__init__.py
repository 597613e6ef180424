"""Columns to parity and back. Pure; computed in C where the library loads."""

from objstore.erasure.codec import Codec, codec_for, codec_name

__all__ = ["Codec", "codec_for", "codec_name"]
