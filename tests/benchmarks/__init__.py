"""The figures of DESIGN §6, printed by `make bench`: each a ratio against a rival in the same run, none asserted."""
