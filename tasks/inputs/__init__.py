"""What a campaign starts from: its settings, the data catalogue, tables."""
