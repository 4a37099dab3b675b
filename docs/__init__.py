"""Guides, and the generator of the reference pages."""
