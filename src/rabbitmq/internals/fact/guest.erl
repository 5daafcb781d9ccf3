["guest " ++ case rabbit_auth_backend_internal:lookup_user(<<"guest">>) of
    {ok, _} ->
        case rabbit_auth_backend_internal:user_login_authentication(<<"guest">>, [{password, <<"guest">>}]) of
            {ok, _} -> "open";
            {refused, _, _} -> "closed"
        end;
    {error, not_found} -> "absent"
end]
