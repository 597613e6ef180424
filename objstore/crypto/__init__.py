"""Encryption: pure functions over bytes and keys. AES-256-GCM by the ``cryptography`` package, nothing of our own."""
