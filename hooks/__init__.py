"""The webhooks that Metacontroller calls: Kubernetes words in, Kubernetes words out.

Imports point down this list, and so does a call on its way to the decision:

    app.py     HTTP: routes, status codes, the clock. The only file that knows any of them.
    readiness.py   a small decision, made for each probe of /readyz
    metrics.py what is counted; exposition.py serves it, in a process that arbiter.py starts
    logs.py    the form of all logs
    settings.py    every IPAM_* variable, read once at start
    tls.py     the certificate that gunicorn serves
    ranges/    customize, sync and finalize of an IPAMRange
    requests/  customize, sync and finalize of an IPAMRequest
    protocol/  what Metacontroller sends and takes: bytes to typed values and back
    api/       the API group as every part knows it: kinds, names, conditions, times

Below app.py everything is a function of its arguments: no I/O, no clock, no memory. `now` comes in as an argument, in
whole seconds. `ranges` and `requests` do not import each other; the blocks themselves are decided in the package
`ipam`.
"""
