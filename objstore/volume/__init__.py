"""Stripes in volumes: append a batch or a large object, read extents verified, rebuild what is lost. One writer a volume."""
