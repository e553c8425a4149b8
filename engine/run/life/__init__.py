"""What is done when something happens to a record after its delivery, or instead of it: a scheme's `life`."""

from __future__ import annotations

__all__ = ["ALERT_HANDLED"]

ALERT_HANDLED = "alert handled"
"""Event: a human has dealt with what stood against a delivered record."""
