package monolith
