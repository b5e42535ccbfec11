"""The networks, and the linear basis of faces."""
