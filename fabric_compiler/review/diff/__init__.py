"""The semantic diff of two builds: what a reviewer asks, in the order in which it is asked.

sides -> what is compared; tables and configurations -> what changed; text, markdown and the JSON form -> how it is shown.
"""
