"""Tests of claims and Services that do not suit fixtures: bodies in, attachments out."""
