"""`packetlab pcap export FILE --objects DIR`: HTTP bodies and TLS certificates as files."""

from dataclasses import asdict
from pathlib import Path

import click

from packetlab.cli.common import print_json
from packetlab.cli.pcap.summary import size


def export_objects(file: str, folder: str, condition: str | None, as_json: bool) -> int:
    """Write the objects and say which; exit code 1 where there is none, or the capture is damaged."""
    from packetlab.analysis.filter import parse
    from packetlab.analysis.objects import save_objects
    from packetlab.analysis.open_capture import open_capture
    from packetlab.cli.pcap.notes import report_damage
    from packetlab.cli.progress import progress
    from packetlab.show.safe import safe_text

    where = parse(condition) if condition else None
    with progress(f"reading {file}") as advance:
        saved = save_objects(file, Path(folder), where, advance=advance)
    if as_json:
        print_json({"folder": folder, "objects": [asdict(one) for one in saved]})
    else:
        for one in saved:
            click.echo(f"{one.file}  {size(one.size)}")
            if one.url:
                click.echo(f"    {safe_text(one.url, limit=74)}")
            for note in one.notes:
                click.echo(f"    {safe_text(note, limit=74)}")
        click.echo(f"{len(saved)} object{'s' if len(saved) != 1 else ''} and manifest.json in {folder}", err=True)
    damaged = report_damage(open_capture(file), quiet=as_json) if file != "-" else 0
    return 1 if damaged or not saved else 0
