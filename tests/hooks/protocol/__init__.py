"""Tests of what Metacontroller sends and takes."""
