"""What is in deploy/ fits what the processes really do."""
