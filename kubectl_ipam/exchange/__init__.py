"""The exchange of ranges and blocks with other address managers. Nothing here reads a cluster or prints.

formats     which format a file has, and its book
plain       our own CSV and JSON
hierarchy   prefixes inside each other and addresses in them become ranges and requests
netbox      NetBox, its exports and its API
phpipam     phpIPAM, its exports
pools       pools and claims of Cluster API: those of metal3 and of the in-cluster provider
objects     of pools and claims, as far as they are read (pool_objects)
conflicts   what is wrong with a book, before anything is applied
present     what the cluster has already
specs       what the API server and the hooks say about specs
manifests   a book as manifests, in which each request records its block
writers     ranges and blocks of a snapshot in other formats
book        the ranges and requests of an import
"""
