"""A deterministic world for the engine: one seed gives one history, to the last event.

The engine's runner, ledger and connectors run unchanged; what is simulated is the machine (scheduler, clock,
processes), the network, the disk, and the two systems behind it.
"""
