# shellcheck shell=sh

# tool NAME: its path in $tool. Few Erlang packages put all their tools in PATH.
tool() {
  set +f
  for tool in /usr/bin/"$1" /usr/lib*/erlang/erts-*/bin/"$1" /usr/lib*/erlang/lib/erl_interface-*/bin/"$1" \
    /usr/local/bin/"$1" /usr/local/lib/erlang/erts-*/bin/"$1" /usr/local/lib/erlang/lib/erl_interface-*/bin/"$1"; do
    [ ! -x "$tool" ] || break
  done
  set -f
  [ -x "$tool" ]
}
