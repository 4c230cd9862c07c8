"""The application layer: what the processes say to one another."""
