"""What pages show: run folders and sessions as plain values for templates; the server and the static site share it."""
