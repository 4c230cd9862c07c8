"""The transport layer: data between processes."""
