"""From a photo to a face as points, pose, shape and texture, and from an edit back into the photo."""
