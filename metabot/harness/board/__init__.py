"""The board: methods of several kinds beside each other, and beside what does not adapt, on several problems."""
