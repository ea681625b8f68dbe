"""Tests of the whole project. Folders are packages, so that two of them may contain files with the same name."""
