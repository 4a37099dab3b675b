"""Settles disagreements about output roots. The solver, the VM and the challenger join with their own work."""
