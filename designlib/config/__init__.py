"""What a person can choose: settings that a file or a web form gives, checked, with their units.

These modules import neither PyTorch nor NumPy nor pandas, so that a server which only shows the
form, or a command which only reads a file, starts at once.
"""
