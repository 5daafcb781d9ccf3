lists:member(X, Running())
