"""From a prepared dataset to what a run trains on."""
