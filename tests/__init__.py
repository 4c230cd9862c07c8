"""Tests: mirror packetlab/, plus contracts driven by the registry, interop, oracle, fuzz and bench."""
