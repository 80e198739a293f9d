"""Drawing the cut-outs: small models of everyday things, painted, lit and seen from many sides."""
