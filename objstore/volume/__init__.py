"""Stripes in volumes: append batches and large objects, read verified, rebuild what is lost. One writer a volume."""
