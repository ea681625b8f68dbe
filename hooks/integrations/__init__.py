"""Objects of other kinds that get addresses: a foreign object in, requests attached to it, and the answer written back.

attachments.py       what all of them have in common: the attached requests, and their state
claims.py            IPAddressClaims of Cluster API, which are answered by an IPAddress
claim_status.py      what a claim reports, in both versions of its conditions
claimed_requests.py  the requests of claims, which are kept until their claims are not in use any more
services.py          Services of type LoadBalancer, which are answered by an annotation

The objects belong to others: they get no finalizer, their specs are not written, and those that do not name a range of
ours get no write at all. Metacontroller owns the attachments, and the garbage collector deletes them with their owner.
"""
