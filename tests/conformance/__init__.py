"""Public test suites: a fixed sample here, everything by `make conformance`."""
