"""Reference-based variational autoencoders."""
