"""The cluster in a box: a small API server and a small Metacontroller on this machine, seeded and deterministic.

It runs the hooks without a cluster, and it attacks them. It knows the shipped `crds/` and `metacontroller/` manifests
and the URL of the hooks, and shares no code with the hooks or their core.

Imports point down this list. Read it from the bottom to see what is simulated, from the top to see how it is used:

    cli.py, commands.py   the command line: apply manifests, attack the design, replay a finding, hunt mutants
    mutants/              deliberately broken designs, each of which must be detected
    attack/               one run for each seed: actions are drawn, and a finding is reduced to the actions it needs
    kubectl/              the output of `kubectl get`: tables and watches
    judge/                what must be true after each step and at rest; also used for real control planes
    world/                a cluster in which everything that happens is an action: machinery, people, faults
    cluster.py            API server, controllers and Metacontroller together; scheduler.py chooses the next step
    metacontroller/       one Metacontroller that behaves as version 4.17.2 does
    kubernetes/           the API server, and two controllers of the controller manager
    names.py              names of the API that people, judge and mutants share
"""
