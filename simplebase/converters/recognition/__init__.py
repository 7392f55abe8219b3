"""Which format a folder or file of labels has."""
