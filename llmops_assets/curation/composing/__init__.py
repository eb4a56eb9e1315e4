"""Composed records: real parts (titles, dates, repetitions) put into many frames, labelled by construction."""
