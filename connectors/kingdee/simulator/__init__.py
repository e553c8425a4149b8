"""A simulated K/3Cloud over real HTTP, after the reference alone: it shares no code with the connector."""

from __future__ import annotations

from connectors.kingdee.simulator.server import KingdeeSimulator

__all__ = ["KingdeeSimulator"]
