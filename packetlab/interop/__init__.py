"""Bridges to other libraries: what packetlab does not know itself is shown through dpkt or scapy."""
