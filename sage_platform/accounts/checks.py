"""Misconfigurations, each a system check with a stable id (see `sage_platform.checks` for the deployment's own)."""
