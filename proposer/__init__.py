"""Claims the L2's state on L1: output roots, the games that hold them, and the bonds that come back.

Doors: `proposer.service.ProposerService` (the whole role from endpoints and a key), `proposer.driver.OutputProposer`
(the loop over the protocols of `proposer.ports`), `proposer.output_root` (pure).
"""
