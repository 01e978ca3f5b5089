"""A throwaway virtual machine with the distribution's kernel, for labs that this machine's own kernel or rights do not do."""
