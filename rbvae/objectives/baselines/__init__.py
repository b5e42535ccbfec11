"""The seven methods that the paper compares with, and two later relatives: MM-cVAE and SepVAE."""
