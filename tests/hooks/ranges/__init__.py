"""Tests of one IPAMRange: bodies in, the next status and the children out."""
