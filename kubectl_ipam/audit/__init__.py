"""The audit behind `kubectl ipam check`: what is wrong in a cluster, and what to do about it.

    run            all rules over one snapshot; and which findings two snapshots confirm
    findings       what a finding says
    facts          what the rules see
    ledgers        the ledgers of ranges, alone and against each other
    holders        ledgers, answers and requests against each other
    requests       what requests show, wait for, or are stuck on
    extents        announcements
    objects        ranges and objects that can't be read
    installation   CRDs, policies and controllers against those of this version
    clocks         times that lie in the future

Nothing is locked: a ledger, the answers and the requests are read one after the other, while they change. A rule that
only a corruption can meet holds for one snapshot, read in this order, or is met by chance once, but not by the same
object in two snapshots. A rule that a delay can meet too, such as an answer that is not written yet, counts only if
nothing of its range has changed between two snapshots, or if it has lasted for a quarter of an hour.
"""
