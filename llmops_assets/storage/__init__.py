"""Files that survive a kill: atomic writes, hashes, and the content-addressed artifact store."""
