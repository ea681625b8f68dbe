"""The fixture runner: replays cases of hook calls at a URL or in process, and compares the answers.

A fixture says what a hook answers to a call at a given time (tests/fixtures/README.md), for implementations in any
language. `python -m conformance --help` shows how to run them.

    cases.py        fixture files to cases
    calls.py        the call of a case, in process or over HTTP
    differences.py  where two answers differ: JSON objects in any order, lists in theirs, numbers by value
    __main__.py     the command
"""
