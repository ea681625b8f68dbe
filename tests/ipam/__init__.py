"""Tests of the decision core: tables, laws, and a naive model that it must agree with event by event."""
