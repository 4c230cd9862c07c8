"""Opens a record of TLS 1.3. Fill in `open_record`."""

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def open_record(key, iv, number, record):
    """`record` is a whole TLS record as bytes, the `number`th (from 0) that was sealed with this key.

    Returns (kind, content): the true kind as a number, and what was sealed, as bytes.
    """
    # Yours to mend: which nonce, what was sealed, which additional data? And what is to be returned?
    plain = AESGCM(key).decrypt(iv, record, b"")
    return 23, plain
