"""The link layer: frames between neighbours."""
