"""The benchmark's input and output, and measurements of cost."""
