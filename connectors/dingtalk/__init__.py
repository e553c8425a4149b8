"""钉钉 (DingTalk): approvals to read, comments and notifications to write, the address book to look up in."""

from connectors.dingtalk.connector import DingtalkConnector

__all__ = ["DingtalkConnector"]
