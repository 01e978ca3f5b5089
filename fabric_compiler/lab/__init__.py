"""Emulation: a compiled fabric on the real routing daemons and the real subnet manager."""
