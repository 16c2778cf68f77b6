"""What people read: reports, pages, the published folder of a round."""
