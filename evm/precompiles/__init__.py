"""Precompiled contracts that py-evm lacks, has wrong or has slow; each takes a running computation.

A precompile consumes its gas, sets `output`, and raises a `VMError` to fail with all gas burned.
"""
