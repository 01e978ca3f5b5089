"""An InfiniBand network on ibsim, a simulator of subnets, under the real subnet manager OpenSM."""
