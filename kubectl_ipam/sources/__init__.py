"""Where a snapshot comes from: a cluster, kubectl, or files."""
