"""金蝶云星空 (Kingdee K/3Cloud): bills as a target, any form as a source."""

from __future__ import annotations

from connectors.kingdee.connector import KingdeeConnector

__all__ = ["KingdeeConnector"]
