"""The fuzz targets: `python -m tests.fuzz.decapsulate --seconds 60`."""
