"""What finished runs are good for, each way of using them in a file of its own."""
