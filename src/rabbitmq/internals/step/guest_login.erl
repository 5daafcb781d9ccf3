element(1, rabbit_auth_backend_internal:user_login_authentication(<<"guest">>, [{password, <<"guest">>}]))
