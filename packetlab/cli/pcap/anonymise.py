"""`packetlab pcap anonymise`: a capture with other addresses, to be handed on."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from packetlab.cli.pcap.editing import output_options, report
from packetlab.cli.progress import progress
from packetlab.model.errors import UsageError

if TYPE_CHECKING:
    from packetlab.capture.anonymise import Payload
    from packetlab.capture.writer import Format


@click.command(short_help="replace all addresses under a key")
@click.argument("file")
@click.option("--key", metavar="TEXT", help="The secret: the same key gives the same addresses in every file.")
@click.option("--key-file", type=click.Path(dir_okay=False, exists=True), help="Read the key from a file.")
@click.option("--payload", type=click.Choice(["keep", "zero"]), default="keep", show_default=True,
              help="What becomes of bytes that are no headers.")  # fmt: skip
@output_options
def anonymise(
    file: str, key: str | None, key_file: str | None, payload: "Payload", output: str,
    format: "Format | None", as_json: bool,  # noqa: A002
) -> int:  # fmt: skip
    """Write FILE with every IP and MAC address replaced, prefixes preserved and checksums corrected.

    Comments and names of hosts in the capture file are left out. Names inside of packets (DNS, HTTP, TLS)
    are no addresses: --payload zero overwrites what the packets carry.

    \b
    packetlab pcap anonymise office.pcapng --key "$(cat secret)" -o shared.pcapng
    """
    from packetlab.capture import edit

    if (key is None) == (key_file is None):
        raise UsageError("anonymising needs one key", remedy="give --key TEXT or --key-file FILE")
    secret = key if key_file is None else Path(key_file).read_bytes().strip()
    if not secret:
        raise UsageError("the key is empty", remedy="any text will do; keep it secret")
    with progress("anonymising") as advance:
        result = edit.anonymise(file, output, secret, payload=payload, format=format, advance=advance)
    return report(result, as_json, output=output)
