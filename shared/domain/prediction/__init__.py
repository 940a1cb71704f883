"""Who will buy again, how often, and for how much: forecasts that each shop's own history has judged."""
