case whereis(rabbitup_closed) of
    undefined -> reopened;
    P -> P ! {reopen, self()}, receive reopened -> reopened after 5000 -> silent end
end
