"""The `metabot` command."""
