"""End-to-end tests: a real API server, etcd and controller manager, and Metacontroller if there is one."""
