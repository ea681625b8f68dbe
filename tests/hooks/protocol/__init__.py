"""Tests of what Metacontroller sends and accepts."""
