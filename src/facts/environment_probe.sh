# shellcheck shell=sh disable=SC2154,SC2034
# The part of the probe that prints what broker_environment.sh finds; its functions and those of probe.sh come before.

# What broker_environment.sh finds. Cookies leave the host only as digests.
environment() {
  data_base=/var/lib/rabbitmq/mnesia data_dir='' quorum_dir='' stream_dir='' configuration='' nodename='' environment_file='' limit_by=''
  [ -d "$rabbit" ] || [ -d /etc/rabbitmq ] || return
  id -u "$broker_user" >/dev/null || broker_user=nobody broker_group=$(id -g nobody)
  read_environment
  value_of NODENAME
  nodename=$value
  section environment
  case $nl$evaluated in *"${nl}end") echo evaluated=yes ;; esac
  printf '%s\n' "file=$environment_file" "base=$data_base" "dir=$data_dir" "limit=$unit_limit"
  while IFS= read -r line; do
    name=${line%%=*}
    case $line in
      'main '* | 'additional '* | 'advanced '*)
        printf '%s\n' "${line%% *}=${line#* }"
        line=${line#* }
        case $line in
          'none '*) ;;
          'new '* | 'old '*) configuration="$configuration${line#* }$nl" ;;
          *) configuration="$configuration$line$nl" ;;
        esac
        ;;
      *ERLANG_COOKIE=?*) cookie_setting "$name" "${line#*=}" ;;
      *_ARGS=*) arguments "$name" "${line#*=}" ;;
      [A-Z]*=*) printf '%s\n' "set=$name ${line#*=}" ;;
    esac
  done <<EOF
$evaluated
EOF
  for f in $unit_files; do
    [ -f "$f" ] || continue
    ! grep -q '^[^#;]*LimitNOFILE=' "$f" || limit_by=$f
    [ -z "$unit_settings" ] || grep -oE '(RABBITMQ_)?[A-Z_]+=' "$f" | while read -r line; do echo "by=${line%=} $f"; done
  done
  echo "limit_by=$limit_by"
}
cookie_setting() { # VARIABLE COOKIE
  line=$(printf %s "$2" | md5sum)
  echo "cookie=$1 ${line%% *}"
}
# The arguments of the VM without a cookie among them: `-setcookie COOKIE`, or from OTP 24.1 `-setcookie NODE COOKIE`.
arguments() { # VARIABLE WORDS
  kept='' secret=''
  IFS=' '
  for word in $2; do
    case $word in
      -setcookie) secret=none ;;
      [-+]*)
        [ -z "$secret" ] || cookie_setting "$1" "$secret"
        secret='' kept="$kept $word"
        ;;
      *) if [ -n "$secret" ]; then secret=$word; else kept="$kept $word"; fi ;;
    esac
  done
  IFS=$nl
  [ -z "$secret" ] || cookie_setting "$1" "$secret"
  [ -z "$kept" ] || printf '%s\n' "set=$1$kept"
}
