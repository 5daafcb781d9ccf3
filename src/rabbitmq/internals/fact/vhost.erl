Capped("vhost", [V || V <- Vhosts(), V =/= <<"/">>], Text)
