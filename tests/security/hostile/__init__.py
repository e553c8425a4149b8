"""Bad input: harness functions over bytes, and what true input looks like before it is spoilt."""
