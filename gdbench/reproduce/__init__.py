"""The paper's tables again: what they need, what that costs, and whether the numbers agree."""
