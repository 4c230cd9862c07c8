"""Messages on top of streams and datagrams, on any port: HTTP/1.x, DNS, TLS handshakes."""

from packetlab.analysis.messages.reader import KINDS, MessageReader, messages
from packetlab.analysis.messages.records import DNSMessage, HTTPExchange, HTTPPart, Message, TLSHandshake

__all__ = ["KINDS", "DNSMessage", "HTTPExchange", "HTTPPart", "Message", "MessageReader", "TLSHandshake", "messages"]
