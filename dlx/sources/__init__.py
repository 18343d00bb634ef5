"""Where batches come from: data read and cut, folds prepared, parts on the device."""
