"""The internet layer: packets between any two hosts."""
