"""The Internet checksum (RFC 1071). Fill in `checksum`."""


def checksum(data):
    """The checksum of `data` (bytes; the checksum's own place in it is zero): a number from 0 to 65535."""
    raise NotImplementedError("this is yours to write")
