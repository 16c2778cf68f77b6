"""Pages and figures of the benchmark."""
