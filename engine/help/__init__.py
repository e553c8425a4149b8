"""The pages of `engine help`: what a code or a class of failure means, and how to mend it."""
