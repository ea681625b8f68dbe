"""Tests of the simulator: its API server, its Metacontroller, its judge and its attack."""
