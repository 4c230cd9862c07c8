"""Guided exercises, and the demo that walks through the layers."""
