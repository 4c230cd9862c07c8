"""packetlab: see network traffic at work."""
