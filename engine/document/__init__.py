"""The interface design document of a scheme: what it says, and how it is written down."""
