"""Contracts that every declared header must keep; a new protocol is tested before its author writes a test."""
