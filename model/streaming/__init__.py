"""Generation as it is heard: engine, caches, events; see types.py for the contract."""
