package strangler
