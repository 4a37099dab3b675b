"""Claims output roots on L1 by opening dispute games."""
