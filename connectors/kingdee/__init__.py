"""金蝶云星空 (Kingdee K/3Cloud): bills as a target, any form as a source."""
