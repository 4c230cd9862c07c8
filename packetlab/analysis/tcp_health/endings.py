"""How connections begin and end: refused, unanswered, half open, reset, and what the two SYNs agreed on."""

from collections.abc import Iterator

from packetlab.analysis.tcp_health.kinds import Kind
from packetlab.analysis.tcp_health.statement import Case, Statement, size, span, times

PLAIN_MSS = {False: 1460, True: 1440}
"""Of an Ethernet of 1500 bytes: over IPv4, over IPv6."""
LEAST_MSS = 536
PATIENCE_NS = 1_000_000_000
"""After so long a SYN is sent again (RFC 6298, section 2.1): an answer may be missed by then."""


def opening(case: Case) -> Iterator[Statement]:
    """Whether the handshake succeeded."""
    client, server = case.sides
    syn = client.lowest("syn_number")
    if syn is None or case.known.offers[0] is None:
        return
    answer, reset = server.lowest("answer_number"), server.lowest("rst_number")
    tries = times(client["syn"], "SYN")
    if answer is None and reset is not None and not server["payload"]:
        yield Statement(
            "refused", "error", f"{case.names[1]} refused the connection with RST ({tries}).",
            "No program listens on that port, or a firewall rejects on its behalf.",
            "Ask on the server which ports are listened on (ss -ltn); compare the TTL of the RST with other packets "
            "of the server: another one means that somebody in between sent it.", [syn, reset],
        )  # fmt: skip
    elif not server["packets"]:
        waited = case.duration + case.after
        yield Statement(
            "unanswered", "error" if waited >= PATIENCE_NS else "note",
            f"Nobody answered {tries} from {case.names[0]} in the {span(waited)} that the capture goes on.",
            "A firewall drops them, the host is down, or the answer takes a way that the capture does not see.",
            "Capture at the server: does the SYN arrive? Look for ICMP unreachable messages and ARP without answer.",
            [syn],
        )  # fmt: skip
    elif (answer is not None and case.round_trip is None and case.after + case.duration >= PATIENCE_NS
            and not client["payload"] and not client["rst"]):  # fmt: skip
        yield Statement(
            "half-open", "warning", f"{case.names[0]} never acknowledged the SYN+ACK ({server['syn']} sent).",
            "The server keeps a half-open connection: the answer did not arrive, or the SYN was never meant (a scan, "
            "a forged source).", "Look for other half-open connections from the same source.", [syn, answer],
        )  # fmt: skip
    for side, (own, name) in enumerate(zip(case.sides, case.names, strict=True)):
        again = own["syn"] - 1
        if again > 0 and (side == 1 or server["packets"]) and answer is not None:
            yield Statement(
                "syn-again", "warning", f"{name} sent its {'SYN+ACK' if side else 'SYN'} {times(again + 1, 'time')}.",
                "A SYN or its answer was lost; each try waits at least a second (RFC 6298, section 2).",
                "A full accept queue at the server drops SYNs too: netstat -s there.", [syn, answer],
            )  # fmt: skip


def ending(case: Case) -> Iterator[Statement]:
    """Whether somebody broke it off."""
    for side in (0, 1):
        own, peer = case.sides[side], case.sides[1 - side]
        reset = own.lowest("rst_number")
        if reset is None or not (own["payload"] or peer["payload"]):
            continue
        fin, peer_fin = own.lowest("fin_number"), peer.lowest("fin_number")
        if fin is None and peer_fin is None:
            yield Statement(
                "reset", "error", f"{case.names[side]} broke the connection off with RST in packet {reset}.",
                "The program crashed or closed it with data unread, or something in between cut it: what was on its "
                "way is lost.", "See what came right before; compare the TTL of the RST with the side's other packets.",
                [reset],
            )  # fmt: skip
        elif peer_fin is not None and fin is None:
            yield Statement(
                "reset-after-fin", "note",
                f"{case.names[side]} answered the other side's FIN (packet {peer_fin}) with RST (packet {reset}).",
                "It closed without waiting for the rest: usual for clients in a hurry, harmless if all data was read.",
                "Check that the last response is complete.", [peer_fin, reset],
            )  # fmt: skip
        return


def agreed(case: Case) -> Iterator[Statement]:
    """MSS, window scale and SACK, as the SYNs offered them."""
    offers = case.known.offers
    payload = case.sides[0]["payload"] + case.sides[1]["payload"]
    if offers[0] is None and offers[1] is None:
        if payload:
            yield Statement(
                "no-handshake", "note", "The capture does not hold the handshake.",
                "The scale of the windows and the MSS are not known, so windows are given unscaled, and nothing can "
                "be said about full windows.", "Start the capture before the connection.",
                [min(side["first_number"] for side in case.sides)],
            )  # fmt: skip
        return
    both = [(offer, case.names[side], case.sides[side].lowest("syn_number")) for side, offer in enumerate(offers)
            if offer is not None]  # fmt: skip
    plain = PLAIN_MSS[case.is_ipv6]
    for offer, name, number in both:
        packets = [number] if number is not None else []
        if offer.mss is not None and LEAST_MSS <= offer.mss < plain:
            yield Statement(
                "mss-clamped", "note", f"{name} takes segments of {offer.mss} bytes; plain Ethernet allows {plain}.",
                f"{plain - offer.mss} bytes are kept for something: a tunnel or VPN, PPPoE, or a router that lowers "
                "the MSS on purpose.", "Nothing, unless large packets vanish: then look for ICMP packet too big.",
                packets,
            )  # fmt: skip
    if len(both) < 2 or payload < 10_000:
        return
    unscaled = [name for offer, name, _ in both if offer.scale is None]
    if unscaled:
        bound = f", at most {size(65535 * 1e9 / case.round_trip)} a second here" if case.round_trip else ""
        yield Statement(
            "no-window-scale", "warning" if (case.path or 0) > 10_000_000 else "note",
            f"{' and '.join(unscaled)} did not offer window scaling.",
            f"Windows stay below 64 kB: one window per round trip{bound} (RFC 7323, section 2).",
            "Check the host's setting (net.ipv4.tcp_window_scaling), and middleboxes that strip options.",
            [number for _, _, number in both if number is not None],
        )  # fmt: skip
    without = [name for offer, name, _ in both if not offer.sack_permitted]
    lost = sum(side["retransmission"] for side in case.sides)
    if without and lost:
        yield Statement(
            "no-sack", "note", f"{' and '.join(without)} did not offer selective acknowledgements.",
            "After a loss the sender cannot know what arrived behind it and repairs one loss per round trip "
            "(RFC 2018).", "Check the host's setting (net.ipv4.tcp_sack), and middleboxes that strip options.",
            [number for _, _, number in both if number is not None],
        )  # fmt: skip


def reused(case: Case) -> Iterator[Statement]:
    """Ports used again."""
    packets = sorted(number for side in case.sides for number in side.packets_of(Kind.REUSED_PORTS))
    if packets:
        yield Statement(
            "reused-ports", "note", "The same addresses and ports were used by an earlier connection.",
            "Fine if the old one is over; one within its TIME-WAIT of two minutes may be answered by stray packets "
            "of the old (RFC 9293, section 3.6.1).", "See how the earlier one ended.", packets,
        )  # fmt: skip


RULES = (opening, ending, agreed, reused)
