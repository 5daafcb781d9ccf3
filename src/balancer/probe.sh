# shellcheck shell=sh disable=SC2154,SC2034
# Part of the probe: what a load balancer says of itself, after the parts that ask each kind.
balancer() {
  section balancer
  # The servers in use, for the question whether their ports can be reached.
  up=''
  if [ -n "$runtime_socket" ]; then
    haproxy_state
  elif [ -n "$lb_port" ]; then
    nginx_state
  fi
}
