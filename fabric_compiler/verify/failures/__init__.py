"""What remains of a network when parts of it fail; the quantities are defined in docs/failures.md.

view -> a network as arrays; cases -> what fails with what; remaining -> the quantities of each case; survey -> the worst of
them, and whether they are what the intent asks for.
"""
