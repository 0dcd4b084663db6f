"""Graph passes, one to a file; `frontend.pipeline` puts them in order."""
