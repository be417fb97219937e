"""A run as a static site: the server's pages as files with relative addresses; it holds no consultation."""
