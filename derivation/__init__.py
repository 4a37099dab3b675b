"""L1 data in, payload attributes out: pure stages without network, clock or globals."""
