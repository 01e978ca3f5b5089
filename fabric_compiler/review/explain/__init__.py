"""Why a line of a build is as it is: the intent's lines, and the rule, that it comes from.

perturb -> a model with another value in one field; trace -> which lines of a device's files follow from which fields;
places -> where the intent says so; constants -> the rule of a line that follows from no field; tables -> lines of the plan.
"""
