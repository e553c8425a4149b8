"""What is done when something happens to a record after its delivery, or instead of it: a scheme's `life`."""
