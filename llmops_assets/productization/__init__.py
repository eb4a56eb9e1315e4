"""Stage 6: licences, prices, documents, the signed bundle and the catalogue."""
