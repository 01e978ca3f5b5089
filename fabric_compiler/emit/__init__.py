"""What puts a build on disk: the tree and its switch, the tables, graph.json, the manifest."""
