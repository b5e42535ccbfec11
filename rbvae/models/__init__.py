"""Networks and the linear first stage."""
