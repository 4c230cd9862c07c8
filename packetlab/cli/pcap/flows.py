"""`packetlab pcap flows FILE`: who talked to whom, how much, and how far each connection came."""

from typing import TYPE_CHECKING, Any

import click

from packetlab.cli.common import duration, json_option, print_json
from packetlab.cli.pcap.summary import damage_json, number, print_damage, size
from packetlab.cli.progress import progress
from packetlab.model.errors import UsageError

if TYPE_CHECKING:
    from packetlab.analysis.flows import Flow, FlowTable

SORTS = {"start": ("first_packet",), "packets": ("packets_ab", "packets_ba"), "bytes": ("bytes_ab", "bytes_ba"),
         "duration": ("last", "first"), "rtt": ("handshake_rtt",)}  # fmt: skip


@click.command(short_help="conversations: endpoints, packets and bytes each way, state, round-trip time")
@click.argument("file")
@click.option("--layer", type=click.Choice(["tcp", "udp", "ip", "ipv6", "eth"]), default="tcp", show_default=True,
              help="What counts as an endpoint.")  # fmt: skip
@click.option("-Y", "--filter", "condition", metavar="FILTER", help="Only packets for which a display filter holds.")
@click.option("--sort", type=click.Choice(list(SORTS)), default="start", show_default=True,
              help="Order: by the first packet, or the largest first.")  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Show the first N.")
@click.option("--tcp", "sequences", is_flag=True,
              help="TCP: also retransmissions and round-trip times of data (a second, slower pass).")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 65535), default=0, metavar="N", help="Seed of the community IDs.")
@json_option
def flows(
    file: str,
    layer: Any,
    condition: str | None,
    sort: str,
    limit: int | None,
    sequences: bool,
    seed: int,
    as_json: bool,
) -> int:
    """The conversations in FILE (pcap or pcapng, also compressed; - is standard input), in both directions.

    \b
    packetlab pcap flows web.pcapng
    packetlab pcap flows web.pcapng --layer udp --sort bytes --limit 10
    packetlab pcap flows web.pcapng -Y 'ip.addr == 192.0.2.7' --json
    """
    from packetlab.analysis.filter import parse
    from packetlab.analysis.flows import flows as find

    where = parse(condition) if condition else None
    if sequences and (layer != "tcp" or file == "-"):
        raise UsageError("--tcp needs TCP flows and a file that can be read twice", remedy="leave out --tcp")
    with progress("reading") as advance:
        table = find(file, layer, where, advance=advance)
        if sequences:
            from packetlab.analysis.flow_sequences import add_sequences

            add_sequences(table, file, where)
    order = _order(table, sort)[:limit]
    if as_json:
        print_json(_as_json(table, order, seed))
    else:
        _print(table, order)
        print_damage(table.told.damage)
    return 1 if table.told.damage else 0


def _order(table: "FlowTable", sort: str) -> list[int]:
    import numpy as np

    columns = [table.columns[name] for name in SORTS[sort] if name in table.columns]
    if sort == "start" or not columns:
        return list(range(len(table)))
    values = columns[0] - columns[1] if sort == "duration" else sum(columns[1:], columns[0])
    found: list[int] = np.argsort(-values, kind="stable").tolist()
    return found


def _print(table: "FlowTable", order: list[int]) -> None:
    of = f"{number(len(order))} of " if len(order) < len(table) else ""
    words = {"eth": "pairs of link-layer addresses", "ip": "pairs of IPv4 addresses", "ipv6": "pairs of IPv6 addresses",
             "tcp": "TCP connections", "udp": "UDP conversations"}  # fmt: skip
    click.echo(f"{of}{number(len(table))} {words[table.layer]}, {number(table.packets)} packets")
    if not order:
        return
    start = int(table.columns["first"].min())
    flows = [table[row] for row in order]
    wide = max(len(flow.endpoint(which)) for flow in flows for which in "ab")
    if 2 * wide + 37 > 80:  # two lines each, so that no line is cut
        for flow in flows:
            click.echo(f"{flow.endpoint('a')} -> {flow.endpoint('b')}")
            click.echo(f"    {_counts(flow)}  {_times(flow, start, '    ')}")
        return
    for flow in flows:
        click.echo(f"{flow.endpoint('a'):{wide}} {flow.endpoint('b'):{wide}}  {_counts(flow)}")
        click.echo(f"{'':{wide}} {_times(flow, start, ' ' * (wide + 1))}")


def _counts(flow: "Flow") -> str:
    return (f"{flow.packets_ab} > {size(flow.bytes_ab)}, {flow.packets_ba} < {size(flow.bytes_ba)}")  # fmt: skip


def _times(flow: "Flow", start: int, indent: str) -> str:
    words = [f"at {(flow.first - start) / 1e9:.6f} s", f"for {duration(flow.duration)}"]
    if flow.state:
        words.append(flow.state)
    if flow.handshake_rtt is not None:
        words.append(f"RTT {duration(flow.handshake_rtt)}")
    text = ", ".join(words)
    if flow.retransmissions_ab is not None and flow.retransmissions_ba is not None:
        text += f"\n{indent}sent again: {flow.retransmissions_ab} >, {flow.retransmissions_ba} <"
        trips = [duration(one) if one is not None else "-" for one in (flow.data_rtt_ab, flow.data_rtt_ba)]
        text += f"; data RTT: {trips[0]} >, {trips[1]} <"
    return text


def _as_json(table: "FlowTable", order: list[int], seed: int) -> dict[str, Any]:
    return {
        "layer": table.layer, "flows": [_flow_json(table[row], seed) for row in order], "count": len(table),
        "packets": table.packets, "other_packets": table.other_packets, "damage": damage_json(table.told.damage),
    }  # fmt: skip


def _flow_json(flow: "Flow", seed: int) -> dict[str, Any]:
    from packetlab.model.addresses import ip_text, mac_text

    def text(address: bytes) -> str:
        return mac_text(address) if len(address) == 6 else ip_text(address)

    found: dict[str, Any] = {
        "a": text(flow.a), "b": text(flow.b), "packets_ab": flow.packets_ab, "packets_ba": flow.packets_ba,
        "bytes_ab": flow.bytes_ab, "bytes_ba": flow.bytes_ba, "first_packet": flow.first_packet,
        "start_ns": flow.first, "end_ns": flow.last, "duration_ns": flow.duration,
    }  # fmt: skip
    if flow.a_port >= 0:
        found |= {"a_port": flow.a_port, "b_port": flow.b_port, "community_id": flow.community_id(seed)}
    if flow.state:
        found |= {
            "state": flow.state, "flags_ab": flow.flags_ab, "flags_ba": flow.flags_ba,
            "handshake_answer_ns": flow.handshake_answer, "handshake_rtt_ns": flow.handshake_rtt,
        }  # fmt: skip
    if flow.retransmissions_ab is not None:
        found |= {
            "retransmissions_ab": flow.retransmissions_ab, "retransmissions_ba": flow.retransmissions_ba,
            "data_rtt_ab_ns": flow.data_rtt_ab, "data_rtt_ba_ns": flow.data_rtt_ba,
        }  # fmt: skip
    return found
