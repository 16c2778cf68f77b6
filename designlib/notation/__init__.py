"""How designs are written: alphabets, formulas, elements, process variables. No PyTorch."""
