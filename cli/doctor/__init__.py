"""Whether a deployment is well: `regulars doctor`."""
