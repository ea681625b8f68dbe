"""Tests of the hooks: bodies in, answers out, in process."""
