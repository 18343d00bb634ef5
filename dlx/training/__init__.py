"""The loop, and what it needs: batches on the device, threads, checkpoints, callbacks."""
