"""A campaign's ledger on disk, and how far the campaign is."""
