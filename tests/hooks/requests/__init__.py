"""Tests of one IPAMRequest: bodies in, its status out."""
