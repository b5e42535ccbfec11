"""The seven methods that the paper compares with."""
