"""Devices on a real kernel: what a packet socket must put back, and what each device says of itself."""

import socket

import pytest

from packetlab.internet.icmp import EchoReply, EchoRequest
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.link.arp import ARP
from packetlab.link.ethernet import Ethernet
from packetlab.link.vlan import VLAN
from packetlab.model.addresses import ipv4_bytes, mac_bytes
from packetlab.model.errors import UnreachableError, UsageError
from packetlab.net import Network
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP
from packetlab.wire.ip_socket import IPDevice, ask_for_errors, socket_errors
from packetlab.wire.packet_socket import PacketDevice
from packetlab.wire.privileges import privileges
from packetlab.wire.resolve import resolve
from packetlab.wire.swallow import silent_port
from tests.cli.live import CLIENT, CLIENT6, FAR, SERVER, SERVER6, network

__all__ = ["network"]


def test_a_vlan_tag_that_the_kernel_strips_is_put_back(network: Network) -> None:
    client, server = network["client"], network["server"]
    frame = Ethernet(dst=mac_bytes(server.mac()), src=mac_bytes(client.mac())) / VLAN(id=7) / IPv4(
        src=ipv4_bytes(CLIENT), dst=ipv4_bytes(SERVER)
    ) / UDP(src_port=9, dst_port=9) / b"tagged"  # fmt: skip
    with PacketDevice("eth0", server) as listening, PacketDevice("eth0", client) as sending:
        sent = sending.send(frame)
        got = until(listening, lambda data: b"tagged" in data)
    assert got.data == sent.data and got.wire_length == len(sent.data) and got.interface == "eth0"
    assert got.direction == "in" and listening.clock.startswith("kernel") and got.time >= sent.time


def until(device: PacketDevice | IPDevice, wanted):  # type: ignore[no-untyped-def]
    for _ in range(50):
        for frame in device.receive(0.2):
            if wanted(frame.data):
                return frame
    raise AssertionError("it did not arrive")


def test_a_checksum_that_was_left_to_the_card_is_told_from_a_wrong_one(network: Network) -> None:
    client = network["client"]
    with PacketDevice("lo", client) as device, client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"offloaded", ("127.0.0.1", 9))
        frame = until(device, lambda data: b"offloaded" in data)
    assert not frame.checksum_ready


def test_outgoing_frames_are_shown_unless_they_are_not_wanted(network: Network) -> None:
    client = network["client"]
    with (
        PacketDevice("eth0", client) as all_frames,
        PacketDevice("eth0", client, ignore_outgoing=True) as incoming,
        client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        sock.sendto(b"going out", (SERVER, 9))
        assert until(all_frames, lambda data: b"going out" in data).direction == "out"
        assert all(frame.direction == "in" for frame in incoming.receive(0.05))


def test_frames_for_others_are_seen_only_in_promiscuous_mode(network: Network) -> None:
    client, server = network["client"], network["server"]
    stranger = mac_bytes("02:00:00:aa:bb:cc")
    frame = Ethernet(dst=stranger, src=mac_bytes(client.mac()), type=0x88B5) / b"for somebody else"
    with PacketDevice("eth0", client) as sending, PacketDevice("eth0", server, promiscuous=True) as listening:
        assert "promiscuity 1" in server.run(["ip", "-d", "link", "show", "eth0"]).stdout
        sending.send(frame)
        assert until(listening, lambda data: b"somebody else" in data).data[:6] == stranger
    assert "promiscuity 0" in server.run(["ip", "-d", "link", "show", "eth0"]).stdout


def test_frames_that_nobody_read_in_time_are_counted(network: Network) -> None:
    client, server = network["client"], network["server"]
    frame = Ethernet(dst=mac_bytes(server.mac()), src=mac_bytes(client.mac()), type=0x88B5) / bytes(1000)
    with PacketDevice("eth0", client) as sending, PacketDevice("eth0", server, buffer=4096) as listening:
        for _ in range(100):
            sending.send(frame)
        assert 0 < listening.drops() < 100


def test_a_missing_interface_and_a_frame_too_large_are_errors_with_a_remedy(network: Network) -> None:
    with pytest.raises(UnreachableError, match="no interface 'eth9'") as caught:
        PacketDevice("eth9", network["client"])
    assert caught.value.remedy
    with PacketDevice("eth0", network["client"]) as device, pytest.raises(UnreachableError, match="do not fit"):
        device.send(bytes(3000))
    with PacketDevice("", network["client"]) as device, pytest.raises(UsageError):
        device.send(bytes(60))


def test_an_ip_device_shows_whole_frames_in_both_directions_and_only_what_concerns_the_peer(network: Network) -> None:
    client = network["client"]
    with (
        IPDevice(ipv4_bytes(SERVER), 17, client) as device,
        client.socket(socket.AF_INET, socket.SOCK_DGRAM) as foreign,
    ):
        foreign.sendto(b"elsewhere", (FAR, 9))
        device.send(IPv4(src=ipv4_bytes(CLIENT), dst=ipv4_bytes(SERVER)) / UDP(src_port=5, dst_port=9) / b"hello")
        ours = until(device, lambda data: b"hello" in data)
        packet = device.packet(ours)
        assert ours.direction == "out" and packet[Ethernet].src == mac_bytes(client.mac())
        seen = [device.packet(frame) for frame in device.receive(0.2)]
    assert not any(packet.payload == b"elsewhere" for packet in seen)
    assert all(ARP in packet or IPv4 in packet or IPv6 in packet for packet in seen)


def test_the_error_queue_gives_icmp_errors_without_privilege(network: Network) -> None:
    with network["client"].socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        ask_for_errors(sock)
        sock.sendto(b"anybody?", (SERVER, 4))
        for _ in range(50):
            found = socket_errors(sock)
            if found:
                break
            import select

            select.select([], [], [sock], 0.05)
    (error,) = found
    assert (error.icmp_type, error.icmp_code, error.offender) == (3, 3, ipv4_bytes(SERVER))
    assert error.data == b"anybody?" and error.destination == (SERVER, 4)


@pytest.mark.parametrize("address", [CLIENT, CLIENT6])
def test_on_a_silent_port_the_kernel_answers_nothing_and_on_others_with_a_reset(network: Network, address: str) -> None:
    client, server = network["client"], network["server"]
    target = resolve(address, via=server)
    with silent_port(target.address, client) as port, IPDevice(target.address, 6, server) as device:
        ip = IPv4 if target.family == 4 else IPv6
        for number in (port, port - 1):
            device.send(ip(src=target.source, dst=target.address) / TCP(src_port=1234, dst_port=number, flags=TCP.SYN))
        answers = [device.packet(frame) for _ in range(3) for frame in device.receive(0.1) if frame.direction == "in"]
    assert [packet[TCP].src_port for packet in answers if TCP in packet] == [port - 1]


def test_a_taken_port_is_a_usage_error(network: Network) -> None:
    address = ipv4_bytes(CLIENT)
    with silent_port(address, network["client"]) as port, pytest.raises(UsageError, match="in use"):
        silent_port(address, network["client"], port=port).__enter__()


def test_a_host_of_a_virtual_network_lets_us_do_everything(network: Network) -> None:
    found = privileges(network["client"])
    assert found.packet and found.raw and found.raw6


@pytest.mark.parametrize(("target", "hop"), [(SERVER, SERVER), (FAR, "10.0.1.254"), (SERVER6, SERVER6)])
def test_resolving_gives_the_source_the_interface_and_the_next_hop(network: Network, target: str, hop: str) -> None:
    found = resolve(target, via=network["client"])
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    assert socket.inet_ntop(family, found.next_hop) == hop and found.interface == "eth0"
    assert socket.inet_ntop(family, found.source) == (CLIENT6 if ":" in target else CLIENT)


def test_an_echo_through_the_ip_device_comes_back_with_a_right_checksum(network: Network) -> None:
    with IPDevice(ipv4_bytes(SERVER), 1, network["client"]) as device:
        request = IPv4(src=ipv4_bytes(CLIENT), dst=ipv4_bytes(SERVER)) / EchoRequest(identifier=1, sequence=2) / b"abc"
        device.send(request)
        for _ in range(20):
            replies = [each for each in map(device.packet, device.receive(0.2)) if EchoReply in each]
            if replies:
                break
    assert replies[0].payload == b"abc" and all(check.ok for check in replies[0].check())
