"""What the middle of a connection tells: loss or reordering, windows, offload, delays; and who limits it."""

from collections.abc import Iterator

from packetlab.analysis.tcp_health.account import Side
from packetlab.analysis.tcp_health.kinds import SENT_AGAIN, Kind
from packetlab.analysis.tcp_health.statement import Case, Severity, Statement, part, rate, size, span, times

MUCH_AGAIN = 0.01
"""Share of segments sent again that costs throughput (TCP's rate falls with the root of the loss)."""
LIMITS = 20_000, 10
"""Bytes and segments below which nothing is said of who limits a transfer."""


def each(case: Case) -> Iterator[tuple[Side, str, Side, str]]:
    """Each direction: its sums, who sends, the other's sums, who receives."""
    for side in (0, 1):
        yield case.sides[side], case.names[side], case.sides[1 - side], case.names[1 - side]


def loss(case: Case) -> Iterator[Statement]:
    """Segments that were sent again: lost, or needlessly."""
    for own, sender, _, receiver in each(case):
        spurious = own["spurious_retransmission"]
        lost = own["again"] - spurious
        share = lost / max(1, own["segments"])
        if lost > 0:
            how = f"{own['fast_retransmission']:,} after duplicate acknowledgements"
            how += f"; {span(own.stalled)} went by waiting for timers" if own.stalled else ""
            severity: Severity = "warning" if share >= MUCH_AGAIN or own.stalled else "note"
            place = (
                "The capture saw the first copies: they were lost behind it, on the way to the receiver."
                if own["lost_segment"] * 4 <= lost else
                "The capture has gaps where first copies should be: they were lost before it, near the sender's side."
            )  # fmt: skip
            yield Statement(
                "loss", severity,
                f"{sender} sent {times(lost, 'segment')} again ({part(share)} of its {own['segments']:,}; {how}).",
                place,
                f"Find the link between {sender} and {receiver} that drops: interface counters, full queues, wireless.",
                own.packets_of(Kind.RETRANSMISSION, Kind.REPEATED),
            )  # fmt: skip
        if spurious > 0:
            yield Statement(
                "needless-retransmission", "note",
                f"{sender} sent {times(spurious, 'segment')} again that {receiver} had acknowledged already.",
                "The acknowledgement came later than the sender's timer, or got lost: a delay that jumps, or a "
                "capture taken near the receiver.",
                "Look at the round trips around these packets.", own.packets_of(Kind.SPURIOUS_RETRANSMISSION),
            )  # fmt: skip


def order(case: Case) -> Iterator[Statement]:
    """Reordering, and gaps of the capture itself."""
    for own, sender, peer, receiver in each(case):
        if own["reordered"]:
            repeated = set(own.packets_of(Kind.REPEATED))
            yield Statement(
                "reordering", "warning" if own["reordered"] > own["segments"] * MUCH_AGAIN else "note",
                f"{times(own['reordered'], 'segment')} from {sender} came out of order.",
                "Ways of different length (links used in turns, several queues) changed the order; the receiver asks "
                "for what is only late, and the sender may slow down for nothing.",
                "Look for load sharing per packet between the sender and the place of the capture.",
                [number for number in own.packets_of(Kind.OUT_OF_ORDER) if number not in repeated],
            )  # fmt: skip
        if peer["ack_lost_segment"]:
            yield Statement(
                "capture-gaps", "note",
                f"{receiver} acknowledged bytes of {sender} that are not in the capture, "
                f"{times(peer['ack_lost_segment'], 'time')}.",
                "The packets arrived; the capture missed them. Gaps here say nothing about the network.",
                "Capture with a larger buffer or a shorter snapshot length, or at a place that sees both directions.",
                peer.packets_of(Kind.ACK_LOST_SEGMENT),
            )  # fmt: skip
        elif own["lost_segment"] and not own["reordered"] and not own["again"]:
            yield Statement(
                "gaps", "warning", f"{times(own['lost_segment'], 'gap')} in what {sender} sent was never filled.",
                "The bytes were neither acknowledged nor sent again in this capture.",
                "See whether the capture ends there, or misses packets.", own.packets_of(Kind.LOST_SEGMENT),
            )  # fmt: skip


def windows(case: Case) -> Iterator[Statement]:
    """Receivers that have no room."""
    for own, receiver, peer, sender in each(case):
        if own["zero_window"] and (own.closed or peer["payload"]):
            share = own.closed / case.duration if case.duration else 0.0
            yield Statement(
                "zero-window", "warning" if own.closed >= 10_000_000 else "note",
                f"{receiver} closed its window {times(own['zero_window'], 'time')}, for {span(own.closed)} in all "
                f"({part(share)} of the connection).",
                f"Its application does not read as fast as data comes; {sender} had to stop.",
                f"Look at the program on {receiver}: busy, waiting for a disk or another service, or stuck.",
                own.packets_of(Kind.ZERO_WINDOW),
            )  # fmt: skip
        if peer["small_window"] >= 5 and peer["small_window"] * 5 >= peer["measured"]:
            yield Statement(
                "small-window", "warning",
                f"{receiver} offered less than 536 bytes to {times(peer['small_window'], 'segment')}.",
                "Data goes in crumbs, each with 40 bytes of headers and a round trip: silly window syndrome "
                "(RFC 9293, section 3.8.6.2).", f"See how {receiver}'s program sets its receive buffer.",
                [peer["first_data"]],
            )  # fmt: skip


def offload(case: Case) -> Iterator[Statement]:
    """Segments that were never on the wire like that."""
    for side, (own, sender, _, receiver) in enumerate(each(case)):
        offer = case.known.offers[1 - side]
        if offer is not None and offer.mss and own["largest"] > offer.mss:
            yield Statement(
                "offload", "note",
                f"{sender} sent segments of up to {own['largest']:,} bytes, though {receiver} takes {offer.mss:,}.",
                "The network card cuts or joins them (TSO, GRO) and the capture was taken on a host before it does: "
                "counts and times of packets are not those of the wire.",
                "Nothing is wrong. For the wire's packets capture outside the host, or turn it off (ethtool -K).",
                [own["first_data"]],
            )  # fmt: skip


def delays(case: Case) -> Iterator[Statement]:
    """Acknowledgements held back, and a chatter of small segments."""
    for own, receiver, peer, sender in each(case):
        least = own.lowest("least_trip")
        if own["delayed"] >= 3 and least is not None and least < 10_000_000 and (case.path or 0) < 20_000_000:
            small = peer["small"] * 2 > peer["segments"]
            yield Statement(
                "delayed-acks", "note",
                f"{receiver} held back {times(own['delayed'], 'acknowledgement')} for 35 ms or more, where others "
                f"take {span(least)}.",
                "It waits for data of its own or a second segment (RFC 1122, section 4.2.3.2)"
                + ("; a sender of small writes that waits for them (Nagle) stands still that long." if small else "."),
                f"If {sender} writes small pieces and then waits: write them at once, or set TCP_NODELAY.",
                [peer["first_data"]] if peer["segments"] else [],
            )  # fmt: skip
        if own["small"] >= 100 and own["small"] >= 0.8 * own["segments"]:
            yield Statement(
                "small-segments", "note",
                f"{receiver} sent {times(own['small'], 'segment')} of less than 100 bytes, of {own['segments']:,}.",
                "Headers and the work per packet outweigh the data. Natural for typing; wasteful for a transfer.",
                "See whether the program could write larger pieces.", [own["first_data"]],
            )  # fmt: skip


def limit(case: Case) -> tuple[str | None, list[Statement]]:
    """Who limits the larger direction of a transfer, by what its time went to."""
    own, peer = case.sides[case.main], case.sides[1 - case.main]
    sender, receiver = case.names[case.main], case.names[1 - case.main]
    if own["payload"] < LIMITS[0] or own["segments"] < LIMITS[1] or case.duration <= 0:
        return None, []
    speed = f"{size(own['payload'])} in {span(case.duration)}, {rate(own['payload'] * 8e9 / case.duration)}"
    idle, closed, stalled = own["idle"] + peer["idle"], peer.closed, own.stalled
    full = own["full_time"] / case.duration
    path = case.path

    def said(name: str, text: str, why: str, advice: str, packets: list[int], severity: Severity = "note") -> Statement:
        return Statement(f"limited-by-{name}", severity, f"{speed}: {text}", why, advice, packets)

    first = [own["first_data"]]
    if closed > case.duration * 0.2:
        return "receiver", [said(
            "receiver",
            f"{receiver}'s application limits it: its window was closed {part(closed / case.duration)} of the time.",
            "The network could carry more; the reader is too slow.", f"Look at the program on {receiver}.",
            peer.packets_of(Kind.ZERO_WINDOW), "warning")]  # fmt: skip
    if idle > case.duration * 0.5:
        return "application", [said(
            "application", f"the applications limit it: {part(idle / case.duration)} of the time nothing was in "
            "flight and the window was open.",
            f"TCP waited {times(own['idle_times'] + peer['idle_times'], 'time')} for a program to write or answer; "
            "a faster network would change little.", "Look at the longest gaps: who was to speak next?",
            first)]  # fmt: skip
    if stalled > case.duration * 0.2 or own["again"] - own["spurious_retransmission"] > own["segments"] * 0.02:
        waits = f" and {part(stalled / case.duration)} of the time waiting for timers" if stalled else ""
        return "loss", [said(
            "loss", f"loss limits it: {part(own['again'] / own['segments'])} of the segments sent again{waits}.",
            "Each loss makes the sender slow down (RFC 5681, section 3.1); a timer that runs out stops it.",
            f"Find where between {sender} and {receiver} packets are lost.",
            own.packets_of(*(kind for kind in Kind if kind & SENT_AGAIN)), "warning")]  # fmt: skip
    if own["measured"] >= 10 and full > 0.3:
        bound = f" One window of {size(own['most_offered'])} per round trip of {span(path)} is at most " \
                f"{rate(own['most_offered'] * 8e9 / path)}." if path else ""  # fmt: skip
        return "receiver window", [said(
            "window", f"the window that {receiver} offers limits it: it was full {part(full)} of the time.",
            f"More is not allowed to be on the way.{bound}",
            f"A larger receive buffer on {receiver} (net.ipv4.tcp_rmem, SO_RCVBUF), window scaling.",
            own.packets_of(Kind.WINDOW_FULL) or first, "warning")]  # fmt: skip
    if own["measured"] >= 10 and path and case.duration > 5 * path and own["most_offered"] > 2 * own["most_in_flight"]:
        return "network", [said(
            "network",
            f"neither the applications nor the window limit it: at most {size(own['most_in_flight'])} were in flight "
            f"of {size(own['most_offered'])} allowed.",
            "The sender's congestion window or the path's bandwidth do (or the capture is near the receiver, where "
            "little is in flight).", "Plot round trips: if they rise with the rate, a queue on the path is full.",
            first)]  # fmt: skip
    return None, []


RULES = (loss, order, windows, offload, delays)
