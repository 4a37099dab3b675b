"""Plays dispute games: false output roots lose, true ones are defended, and bonds come home.

Doors: `faultproof.challenger.service.ChallengerService` (the whole role from endpoints and a key),
`faultproof.challenger.driver.Challenger` (the loop over the protocols of `faultproof.challenger.ports`),
`faultproof.challenger.outputs.judge` (who is right about a root claim).
"""
