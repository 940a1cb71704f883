"""What outsiders and the tables see, compared with golden files: REGULARS_WRITE_GOLDEN=1 writes them."""
