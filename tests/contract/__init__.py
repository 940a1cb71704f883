"""What outsiders and the tables see, held against golden files: REGULARS_WRITE_GOLDEN=1 writes them."""
