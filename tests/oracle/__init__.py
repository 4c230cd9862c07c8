"""The comparison with other dissectors, field by field, on captures that nobody here wrote."""
