"""How fast the pipeline is, beside a well-known alternative, and whether it stays so."""
