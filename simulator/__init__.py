"""The cluster in a box: a small API server and a small Metacontroller on this machine, seeded and deterministic.

It shows the hooks at work without a cluster, and it attacks them. It is a judge: it knows the shipped `crds/` and
`metacontroller/` manifests and the hooks' URL, and shares no code with the hooks or their core.

Imports point down this list. Read it from the bottom to see what is simulated, from the top to see how it is used:

    cli.py, commands.py   the command line: apply manifests, attack the design, replay a finding, hunt mutants
    mutants/              deliberately broken designs; each must be found
    attack/               one seed, one run: what happens next is drawn, and a finding is made small
    kubectl/              what a person at a terminal sees: tables and watches
    judge/                what must be true after each step and at rest
    world/                a cluster in which everything that happens is an action: machinery, people, faults
    cluster.py            API server, controllers and Metacontroller together; scheduler.py says what happens next
    metacontroller/       one Metacontroller as version 4.17.2 behaves
    kubernetes/           the API server, and what the controller manager does for us
    names.py              names of the API that people, judge and mutants have in common
"""
