"""Metadata in Postgres: tables.py owns the schema, one file of batched queries per noun, leases and queues as rows."""
