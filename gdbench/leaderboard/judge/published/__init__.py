"""What others have published: gathered from the sources, judged by n, never ranked."""
