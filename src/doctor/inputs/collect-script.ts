/** The script that gathers on a node what doctor takes. */
import { END, MARK } from './markers.js';

/** Options of `collectScript`. */
export interface CollectOptions {
  /**
   * Whether the keys of SAs are printed. Otherwise, 8 digits of the SHA-256 of each are, which tell whether two nodes have
   * the same key.
   * @default false
   */
  readonly withKeys?: boolean;
}

/** Prints a line of `ip xfrm state` as it is. */
const KEEP_KEYS = 'cat';
/** Seconds after which a command is given up: an engine may hang. */
const TIMEOUT = 30;
/** Lines of each log, and of the connection table. */
const MAX_LINES = 2000;

const MASK_KEYS = `
# The first 8 digits of the SHA-256 of a key.
key_id() {
  command -v sha256sum > /dev/null 2>&1 || return 1
  hex=$1
  bytes=
  while [ -n "$hex" ]; do
    rest=\${hex#??}
    value=$((0x\${hex%"$rest"}))
    bytes="$bytes\\\\0$((value / 64))$((value / 8 % 8))$((value % 8))"
    hex=$rest
  done
  printf '%b' "$bytes" | sha256sum | cut -c1-8
}

# Replaces keys by their ids. The salt, which ends the key of an AEAD, isn't part of the id.
mask_keys() {
  while IFS= read -r line; do
    rest=\${line#* 0x}
    key=\${rest%%[!0-9a-fA-F]*}
    if [ "$rest" = "$line" ] || [ \${#key} -lt 16 ]; then
      printf '%s\\n' "$line"
      continue
    fi
    before=\${line%%" 0x$key"*}
    secret=$key
    case $before in *rfc4106* | *rfc4309* | *rfc4543*) secret=\${key%????????} ;; esac
    id=
    [ $((\${#secret} % 2)) -eq 0 ] && id=$(key_id "$secret")
    printf '%s <%s>%s\\n' "$before" "\${id:+key }\${id:-hidden}" "\${rest#"$key"}"
  done | sed 's/0x[0-9a-fA-F]\\{16,\\}/<hidden>/g'
}
`;

const SERVICE_FORMAT =
  '{"ID":{{json .ID}},"Spec":{"Name":{{json .Spec.Name}},"EndpointSpec":{{json .Spec.EndpointSpec}}},"Endpoint":{{json .Endpoint}}}';

/**
 * A POSIX shell script that prints what doctor takes of the node that it runs on: SAs, policies, tables, devices, rules
 * and virtual servers, also in the namespaces of Docker's networks, and what Docker says about networks and services. It
 * changes nothing, and prints no keys unless asked to, no environment, no secrets and no tokens. It needs root for most
 * of this; what is missing is skipped, and named. `readInputs` reads its output.
 * @example
 * import { collectScript } from 'vtep/doctor';
 *
 * console.log(collectScript());
 */
export function collectScript({ withKeys = false }: CollectOptions = {}): string {
  return `#!/bin/sh
# Prints what vtep doctor takes of this node, and changes nothing. Run it as root on each node:
#   sh collect.sh > "$(uname -n).txt"
# Then, with the files of all nodes: vtep doctor *.txt
LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin
export LC_ALL PATH
ns=
enter=
limit=
timeout 1 true 2> /dev/null && limit='timeout ${TIMEOUT}'
[ "$(id -u)" = 0 ] || echo 'not root: SAs, rules and the tables of overlay networks will be missing' >&2

# An output may end without a line end.
mark() { printf '\\n${MARK} %s %s%s\\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$ns" "$*"; }

# Prints the command, and what it prints.
run() {
  if command -v "$1" > /dev/null 2>&1; then
    mark "$*"
    if [ -n "$enter" ]; then $limit nsenter --net="$enter" "$@" 2>&1 < /dev/null; else $limit "$@" 2>&1 < /dev/null; fi
  else
    mark "skipped $*: $1 is not installed"
  fi
}

# Prints a file.
show() { if [ -r "$1" ]; then run cat "$1"; else mark "skipped cat $1: there is no such file that can be read"; fi; }

# Hides what may be a secret in a log.
hide() {
  sed -e 's/[0-9a-fA-F]\\{32,\\}/<hidden>/g' -e 's/SWMTKN-[-0-9a-z]*/<hidden>/g' -e 's|://[^/@ ]*@|://<hidden>@|g'
}
${withKeys ? '' : MASK_KEYS}
# What each namespace has.
tables() {
  run ip -d -s addr
  run bridge fdb show
  run ip neigh show
  run iptables-save -c
  run ip6tables-save -c
  # iptables-save shows the tables of one of the two kinds that the kernel may have.
  if command -v iptables-legacy-save > /dev/null 2>&1; then run iptables-legacy-save -c; fi
  run nft list ruleset
  run ipvsadm -Ln
  run ipvsadm -L --timeout
}

mark "vtep doctor --collect, node $(uname -n)"
show /proc/net/xfrm_stat
run ip -s xfrm state | ${withKeys ? KEEP_KEYS : 'mask_keys'}
run ip xfrm policy
tables
for path in /sys/class/net/*; do
  device=\${path##*/}
  case $device in lo | veth* | docker* | br-* | '*') continue ;; esac
  run ethtool -k "$device"
done

# Of the connections, those of VXLAN, gossip, management and ESP.
port=$(docker info --format '{{if .Swarm.Cluster}}{{.Swarm.Cluster.DataPathPort}}{{end}}' 2> /dev/null < /dev/null)
case $port in '' | 0 | *[!0-9]*) port=4789 ;; esac
if command -v conntrack > /dev/null 2>&1; then run conntrack -L; else show /proc/net/nf_conntrack; fi |
  sed -n -e '/^${MARK}/p' -e "/port=$port /p" -e '/port=4789 /p' -e '/port=7946 /p' -e '/port=2377 /p' \\
    -e '/^esp /p' -e '/^unknown *50 /p' -e '/ shown\\.$/p' | head -n ${MAX_LINES}

run docker info | hide
run docker version
networks=$(docker network ls -q --filter driver=overlay 2> /dev/null < /dev/null)
# One at a time: an engine without the network's tasks may refuse --verbose.
for network in $networks; do
  run docker network inspect --verbose "$network"
done
services=$(docker service ls -q 2> /dev/null < /dev/null)
for service in $services; do
  mark "docker service inspect $service"
  $limit docker service inspect --format '${SERVICE_FORMAT}' "$service" 2>&1 < /dev/null
done

interest='xfrm|encrypt|decrypt|vxlan|fdb|neigh|peer|memberlist|networkdb|bulk sync|gossip|swarm|ipvs|iptables|conntrack|mtu|sandbox'
# What the kernel says of each container that starts or ends would fill the log.
quiet='entered [a-z]+ (state|mode)|left [a-z]+ mode|renamed from'
run journalctl -u docker -u snap.docker.dockerd -n 20000 --no-pager -o short-iso | grep -iE "^${MARK}|$interest" |
  tail -n ${MAX_LINES} | hide
run dmesg | grep -iE "^${MARK}|$interest|csum|checksum|overflow|martian|watchdog" | grep -vE "$quiet" |
  tail -n ${MAX_LINES} | hide

for socket in /run/vtep/*.sock; do
  if [ -S "$socket" ]; then run vtep status --json --socket "$socket"; fi
done

# The namespaces of overlay networks, of their load balancers and of the ingress; those of containers have nothing else.
for path in /var/run/docker/netns/* /run/snap.docker/netns/* /run/user/*/docker/netns/*; do
  name=\${path##*/}
  case $name in [0-9]-* | [0-9][0-9]-* | lb_* | ingress_sbox) ;; *) continue ;; esac
  ns="netns=$name "
  if command -v nsenter > /dev/null 2>&1; then
    enter=$path
    tables
    enter=
  else
    mark "skipped tables: nsenter is not installed"
  fi
done
ns=

# Counters again, to see which ones rise.
sleep 1
show /proc/net/xfrm_stat
mark ${END}
`;
}
