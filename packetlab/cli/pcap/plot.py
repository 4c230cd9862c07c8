"""`packetlab pcap plot`: a capture as a curve, in the terminal or as a picture."""

from typing import TYPE_CHECKING

import click

from packetlab.cli.common import json_option, print_json

if TYPE_CHECKING:
    from packetlab.analysis.curves import Curves


@click.command(short_help="traffic over time, round trips, sequence numbers as curves")
@click.argument("file")
@click.option("--what", type=click.Choice(["io", "rtt", "sequence", "throughput", "window"]), default="io",
              show_default=True, help="What to draw.")  # fmt: skip
@click.option("--stream", type=click.IntRange(min=0), metavar="N", help="Which TCP connection; the largest by default.")
@click.option("--packets", is_flag=True, help="io: count packets instead of bits.")
@click.option("--interval", type=click.FloatRange(min=1e-6), metavar="SECONDS", help="io: the length of an interval.")
@click.option("-Y", "--filter", "condition", metavar="FILTER", help="Only packets for which a display filter holds.")
@click.option("-o", "--output", metavar="PICTURE", help="Draw to a file that ends in .svg or .png.")
@json_option
def plot(
    file: str, what: str, stream: int | None, packets: bool, interval: float | None, condition: str | None,
    output: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Draw FILE (pcap or pcapng, also compressed; - is standard input) as a curve.

    \b
    packetlab pcap plot web.pcapng                          bits per second
    packetlab pcap plot web.pcapng --what rtt --stream 3    round trips of a connection
    packetlab pcap plot web.pcapng --what sequence -o a.svg
    """
    from packetlab.analysis.curves import curves
    from packetlab.analysis.filter import parse

    where = parse(condition) if condition else None
    made = curves(file, what, where, stream=stream, interval=interval, packets=packets)  # type: ignore[arg-type]
    if output is not None:
        from packetlab.show.plots import plot_file

        plot_file(output, made.series, made.title, made.x_label, made.y_label)
    if as_json:
        print_json(_document(made))
    elif output is None:
        from packetlab.show import print_to_terminal
        from packetlab.show.plots import plot_terminal

        print_to_terminal(plot_terminal(made.series, made.title, made.x_label, made.y_label))
    for damage in made.damage if not as_json else ():
        click.echo(f"damaged: {damage}", err=True)
    return 1 if made.damage or not any(len(one.x) for one in made.series) else 0


def _document(made: "Curves") -> dict[str, object]:
    import numpy as np

    return {
        "title": made.title, "x_label": made.x_label, "y_label": made.y_label, "stream": made.stream,
        "series": [
            {"name": one.name, "style": one.style, "x": np.asarray(one.x).tolist(), "y": np.asarray(one.y).tolist()}
            for one in made.series
        ],
        "damage": [
            {"offset": one.offset, "what": one.what, "bytes_lost": one.bytes_lost, "packets_lost": one.packets_lost}
            for one in made.damage
        ],
    }  # fmt: skip
