"""Benchmarks of objstore: rates as ratios to floors that are measured in the same run. See docs/performance.md."""
