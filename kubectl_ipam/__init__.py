"""`kubectl ipam`: shows, explains, audits and tries what the ranges of a cluster hold.

A kubectl plugin that only reads: a live cluster with the kubeconfig and the rights of its user, manifests, or a dump
of `kubectl get -o json`, and judges what it reads by the code of the hooks (hooks/, ipam/), so that it never disagrees
with them about what is free.

    __main__, cli          the command line: one module of `commands` for each verb
    commands               the verbs: what each of them takes and prints
    output                 tables, pictures and documents
    views                  what the hooks would see of one range
    snapshot               what was read, typed
    sources                where it is read from: a cluster, kubectl, files
    shipped                the CRDs and controllers that belong to this version
"""
