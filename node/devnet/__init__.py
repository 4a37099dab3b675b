"""A whole rollup on one machine: makes L1, deploys the contracts, starts every role as a process of its own."""
