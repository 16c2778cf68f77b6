"""Where this installation keeps its files, on which machine and device it runs, and its log."""
