"""钉钉 (DingTalk): approvals as a source, comments and notifications as targets, the address book as look-ups."""
