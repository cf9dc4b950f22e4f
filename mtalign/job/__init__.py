"""A job: documents in, outputs out; the one room that knows the order of the stages."""
