"""The fault-proof VM: the machine that executes the program whose steps a dispute is about. `docs/fpvm.md` defines it.

`step.py` is the machine as one reads it, `machine.py` the fast one from the native library, `witness.py` what the contract
needs to execute one step.
"""
