# shellcheck shell=sh
# Inspects directories that user rabbitmq can write, for probe.sh, which runs this text as that user (broker_user.sh says why):
#   sh -c TEXT sh look HOME COOKIE STAGED BASE DIR KEPT NODE QUORUM STREAM FILE...   all of it; NODE's data is in DIR, if that is not
#                                                    empty, and else, like that of any other node, in BASE; so are its quorum queues and streams
#   sh -c TEXT sh shape SIZE                        of a cookie on standard input
# Each line starts with its section; after the empty section come the contents of the files, one after the other, with the sizes
# named in the lines. Everything is limited: a file may grow, or be replaced, while it is read.
set -f -u
nl='
'
IFS=$nl

# The cookie stays in shell variables, which other users' processes cannot see, and on standard input.
shape() { # SIZE
  line='' c='' rest='' shape=usable seen=0 cr=$(printf '\r')
  IFS='' read -r c && seen=1
  seen=$((seen + ${#c}))
  while IFS='' read -r line; do rest=$rest$line seen=$((seen + ${#line} + 1)); done
  rest=$rest$line seen=$((seen + ${#line}))
  while :; do
    case $c in *"$cr") c=${c%"$cr"} ;; *) break ;; esac
  done
  case $rest in *[!"$cr"]*) shape=unusable ;; esac
  case $c in '' | *[!\!-~]*) shape=unusable ;; esac
  # Erlang rejects the bytes that the shell's read drops.
  if [ ${#c} -gt 255 ] || [ $seen != "$1" ]; then shape=unusable; fi
  case $c in
    *[!A-Z]*) ;;
    *) [ ${#c} != 20 ] || [ $shape != usable ] || shape=debian ;;
  esac
  digest=$(printf %s "$c" | md5sum)
  printf '%s\n' "shape=$shape" "normalised=${digest%% *}"
}
if [ "$1" = shape ]; then
  shape "$2"
  exit
fi

home=$2 cookie=$3 staged=$4 base=$5 dir=$6 kept=$7 node=$8 quorum=$9
shift 9
stream=$1
shift

# Names may contain a newline followed by anything.
one_line() { case $1 in *"$nl"*) return 1 ;; esac; }
link() { # PATH
  [ -h "$1" ] || return 0
  target=$(readlink "$1")
  printf 'files link %s\t%s\n' "$1" "${target%%"$nl"*}"
}

cookies() { # STAT'S LINES
  while IFS=' ' read -r _ _ kind _ _ _ size _ path; do
    case $path in
      "$cookie") name=cookie ;;
      "$staged") name=staged ;;
      *) continue ;;
    esac
    # A larger file is not a cookie; 8000 is a regular file.
    case $kind in 8???) ;; *) continue ;; esac
    if [ ! -r "$path" ]; then
      echo "$name unreadable"
      continue
    fi
    shaped=$(head -c 4096 "$path" | shape "$size") || continue
    for line in $shaped; do echo "$name $line"; done
    digest=$(head -c 4096 "$path" | md5sum)
    echo "$name raw=${digest%% *}"
  done <<EOF
$1
EOF
}

# Distinguishes lost data from an unmounted disk.
data_place() {
  for place in "$base" ${dir:+"$dir"}; do
    if [ -h "$place" ] && [ ! -e "$place" ]; then
      target=$(readlink "$place")
      echo "data unmounted=${target%%"$nl"*}"
    fi
    if mounted "$place"; then
      set -- "$place"/*
      case $#:$1 in 1:*'*' | 1:*/lost+found) echo "data emptied=$place" ;; esac
    fi
  done
}

data_directory() { # NODE DIRECTORY
  echo "data node=$1"
  # A node counts its starts in this file. Its time shows which version of the package has used the data.
  [ ! -f "$2/rabbit_serial" ] || echo "data started=$(stat -c %Y "$2/rabbit_serial")"
  [ ! -f "$base/$1-feature_flags" ] || echo "data flags=$(head -c 65536 "$base/$1-feature_flags" | tr -d '\n')"
  # Mnesia's status files: the members, {All, Disc}, for when the node cannot be asked, and the nodes that still ran when this
  # one stopped.
  [ ! -f "$2/cluster_nodes.config" ] || echo "data members=$(head -c 65536 "$2/cluster_nodes.config" | tr -d '\n')"
  if [ -f "$2/cluster_nodes.config" ] && [ -f "$2/nodes_running_at_shutdown" ]; then
    echo "data outlived=$(head -c 65536 "$2/nodes_running_at_shutdown" | tr -d '\n')"
  fi
}

data() {
  set +f
  count=0
  for f in "$base"/*@*/; do
    f=${f%/} count=$((count + 1))
    case $f in *-plugins-expand | *'*'* | "$dir") continue ;; esac
    if [ $count -gt 64 ] || ! one_line "$f"; then continue; fi
    data_directory "${f##*/}" "$f"
  done
  if [ -n "$dir" ] && [ -n "$node" ]; then
    set -- "$dir"/*
    [ ! -e "$1" ] || data_directory "$node" "$dir"
  fi
  # Data in the usual place that the node's next start does not use.
  usual=$home/mnesia/$node next=${dir:-$base/$node}
  if [ -n "$node" ] && [ "$next" != "$usual" ] && [ -d "$usual" ] && [ ! -d "$next" ]; then
    echo "data elsewhere=$usual"
  fi
  data_place
  for place in ${quorum:+"$quorum"} ${stream:+"$stream"}; do
    for f in "$place"/*; do
      case $f in */lost+found | *'*') ;; *) echo "data filled=$place" && break ;; esac
    done
  done
  # Data moved aside by a removal.
  count=0
  for f in "$kept"/*/; do
    f=${f%/} count=$((count + 1))
    case $f in *'*'*) continue ;; esac
    if one_line "$f" && [ $count -le 1000 ]; then echo "data kept=${f##*/}"; fi
  done
  set -f
}

leftovers() { # FILE...
  seen=' '
  for f in "$@"; do
    directory=${f%/*}
    case $seen in *" $directory "*) continue ;; esac
    seen="$seen$directory "
    set +f
    for found in "$directory"/.rabbitup.????????*; do
      case $found in *'.????????*') ;; *) echo "system leftover=$directory" ;; esac
      break
    done
    set -f
  done
}

look() { # FILE...
  for f in "$@" "$cookie"; do
    # An unreadable file is not an absent one.
    if [ -d "${f%/*}" ] && [ ! -x "${f%/*}" ]; then exit 1; fi
  done
  leftovers "$@" "$cookie" "$staged"
  # If it is a link, nothing below it belongs to rabbitup.
  link "${staged%/*}"
  there=
  for f in "$@" "$cookie" "$staged"; do
    link "$f"
    [ ! -e "$f" ] || there="$there$f$nl"
  done
  total=0 stats=''
  # shellcheck disable=SC2086 # one argument per line is what IFS is set for
  [ -z "$there" ] || stats=$(stat -L -c "files stat %f %U %G %Y %s %i %n${nl}names %h %n" -- $there)
  set --
  while IFS=' ' read -r word more; do
    case $word in
      files) printf '%s %s\n' "$word" "$more" ;;
      names)
        path=${more#* }
        case $more in "1 "*) ;; *) [ -h "$path" ] || [ -d "$path" ] || echo "files shared $path" ;; esac
        continue ;;
      *) continue ;;
    esac
    IFS=' ' read -r _ kind _ _ _ size _ path <<EOF
$more
EOF
    case $path in "$cookie" | "$staged") continue ;; esac
    # Empty files are not read.
    case $kind in 8???) ;; *) continue ;; esac
    if [ ! -r "$path" ]; then
      echo "files unreadable $path"
    elif [ "$size" -le 262144 ] && [ "$size" != 0 ]; then
      set -- "$@" "$size" "$path" && total=$((total + size))
    fi
  done <<EOF
$stats
EOF
  cookies "$stats"
  data
  echo "bytes $total"
  echo
  while [ $# != 0 ]; do
    head -c "$1" "$2"
    shift 2
  done
}

look "$@"
