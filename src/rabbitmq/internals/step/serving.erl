%% Whether its boot is complete: an atom or false, on every version since 3.8.
try rabbit:is_running() andalso rabbit:is_booted(node()) catch _:_ -> rabbit:is_running() end
