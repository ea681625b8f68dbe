"""Tests of the API group as the hooks know it: names, conditions, selectors, times."""
