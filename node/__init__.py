"""The composition root: every role as a service, the command line, the devnet."""
