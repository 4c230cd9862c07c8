"""How TCP connections fare: findings per segment, and reports per connection."""

from packetlab.analysis.tcp_health.analyser import Analyser as Analyser
from packetlab.analysis.tcp_health.analyser import PacketHealth as PacketHealth
from packetlab.analysis.tcp_health.analyser import health as health
from packetlab.analysis.tcp_health.kinds import MEANINGS as MEANINGS
from packetlab.analysis.tcp_health.kinds import Kind as Kind
from packetlab.analysis.tcp_health.report import HealthReport as HealthReport
from packetlab.analysis.tcp_health.report import StreamHealth as StreamHealth
from packetlab.analysis.tcp_health.report import reports as reports
from packetlab.analysis.tcp_health.statement import Statement as Statement
