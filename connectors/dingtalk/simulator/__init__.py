"""A DingTalk of one's own: both API generations of OA approval over invented claims.

It shares no code with the connector, so that a misreading of the wire cannot hide on both sides.
"""

from __future__ import annotations

from connectors.dingtalk.simulator.server import DingTalkSimulator

__all__ = ["DingTalkSimulator"]
