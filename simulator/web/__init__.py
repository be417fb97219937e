"""The pages and the API of ``clinic view``: routes over run folders and live sessions; they compute nothing."""
