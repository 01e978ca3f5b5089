"""A declarative network-as-code compiler for AI-cluster networks."""

__version__ = "0.1.0"
