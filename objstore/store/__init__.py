"""The verbs: put, get, delete, copy, list, multipart, relocate. Owns the order of writes: bytes, then metadata."""
