"""The suite behind ``benchmarks/run.py``: time and memory beside those of peers."""
