"""Tests of the whole project; packages, so that equally named files in two folders stay apart."""
