"""`packetlab interfaces`: what `ip address`, `ip route` and `ip neighbour` know, on one readable page."""

from typing import TYPE_CHECKING, Any

import click

from packetlab.cli.common import json_option, print_json
from packetlab.model.addresses import ip_text, mac_text

if TYPE_CHECKING:
    from packetlab.wire.netlink import Interface, Neighbour, Route


@click.command(short_help="addresses, routes and neighbours of this machine")
@click.argument("name", required=False)
@click.option("-a", "--all", "everything", is_flag=True, help="Also neighbours without a MAC address.")
@click.option("-c", "--connections", "tracked", is_flag=True,
              help="Only the connections that the kernel tracks, as a NAT box does.")  # fmt: skip
@json_option
def interfaces(name: str | None, everything: bool, tracked: bool, as_json: bool) -> int:
    """Show the network interfaces of this machine (or the one called NAME), its routes and its neighbours.

    The exit code is 1 where no interface but loopback is up.
    """
    from packetlab.wire.host import LocalHost
    from packetlab.wire.netlink import interface_named, neighbours, routes
    from packetlab.wire.netlink import interfaces as all_interfaces

    if tracked:
        return _connections(as_json)
    host = LocalHost()
    cards = [interface_named(host, name)] if name else all_interfaces(host)
    ways = [route for route in routes(host) if name in (None, route.interface)]
    known = [one for one in neighbours(host) if name in (None, one.interface) and (everything or _useful(one))]
    if as_json:
        print_json(_data(cards, ways, known))
    else:
        _print(cards, ways, known)
    return 0 if any(card.is_up and not card.is_loopback for card in cards) or (name and cards[0].is_up) else 1


def _connections(as_json: bool) -> int:
    """Prints the table of tracked connections; the exit code is 1 where it is empty."""
    from dataclasses import asdict

    from packetlab.show import print_to_terminal, text_view
    from packetlab.wire.conntrack import connections
    from packetlab.wire.host import LocalHost

    rows = connections(LocalHost())
    if as_json:
        print_json({"connections": [asdict(row) | {"translated": row.translated} for row in rows]})
        return 0 if rows else 1
    print_to_terminal(text_view(("connections", "head"), ("" if rows else "  none are tracked", "note")))
    for row in rows:
        left = f"  {row.state}, kept for {row.seconds} s"
        print_to_terminal(text_view((f"  {row.protocol:<5} ", ""), (str(row.first), "value"), (left, "note"), hang=4))
        print_to_terminal(text_view(("        replies come as ", "note"), (str(row.reply), "value"),
                                    ("  translated" if row.translated else "", "note"), hang=8))  # fmt: skip
    return 0 if rows else 1


def _useful(neighbour: "Neighbour") -> bool:
    return bool(any(neighbour.mac)) and "noarp" not in neighbour.state.lower()


def _print(cards: "list[Interface]", ways: "list[Route]", known: "list[Neighbour]") -> None:
    from packetlab.internet.ranges import mac_kind, range_of
    from packetlab.show import print_to_terminal, safe_text, text_view

    for card in cards:
        state = card.operstate if card.operstate != "unknown" else "up" if card.is_up else "down"
        print_to_terminal(
            text_view((safe_text(card.name), "name"), (f"  {state}", "good" if card.is_up else "bad"),
                      (f"  MTU {card.mtu} bytes", "note")))  # fmt: skip
        if any(card.mac):
            print_to_terminal(text_view((f"  {mac_text(card.mac)}", ""), (f"  {mac_kind(card.mac)}", "note"), hang=4))
        for address in card.addresses:
            where = range_of(address.address)
            kind = f"  {where.kind}"
            doubt = "  (not yet known to be unique)" if address.tentative else ""
            print_to_terminal(text_view((f"  {address}", "value"), (kind, "note"), (doubt, "bad"), hang=4))
        if not card.addresses:
            print_to_terminal(text_view(("  no address", "note")))
    print_to_terminal(text_view(("routes", "head"), ("" if ways else "  none: only neighbours can be reached", "note")))
    for route in ways:
        whole = "everything else" if not route.prefix_length else f"{ip_text(route.destination)}/{route.prefix_length}"
        through = f"through {ip_text(route.gateway)} on" if route.gateway else "directly on"
        through = f"{through} {route.interface}"
        print_to_terminal(text_view((f"  {whole:<28} ", "value"), (through, ""), hang=4))
    print_to_terminal(text_view(("neighbours", "head"), ("" if known else "  none known yet", "note")))
    for one in known:
        where_to = f"{mac_text(one.mac)} on {one.interface}"
        known_as = (f"  {ip_text(one.address):<28} ", "value")
        print_to_terminal(text_view(known_as, (where_to, ""), (f"  {one.state}", "note"), hang=4))


def _data(cards: "list[Interface]", ways: "list[Route]", known: "list[Neighbour]") -> dict[str, Any]:
    return {
        "interfaces": [
            {
                "name": card.name, "index": card.index, "mac": mac_text(card.mac), "mtu": card.mtu, "up": card.is_up,
                "state": card.operstate, "loopback": card.is_loopback,
                "addresses": [
                    {"address": str(one), "scope": one.scope, "tentative": one.tentative} for one in card.addresses
                ],
            }
            for card in cards
        ],
        "routes": [
            {
                "destination": f"{ip_text(route.destination)}/{route.prefix_length}",
                "gateway": ip_text(route.gateway) if route.gateway else None, "interface": route.interface,
                "metric": route.metric,
            }
            for route in ways
        ],
        "neighbours": [
            {"address": ip_text(one.address), "mac": mac_text(one.mac), "state": one.state, "interface": one.interface}
            for one in known
        ],
    }  # fmt: skip
