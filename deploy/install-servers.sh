#!/bin/sh
# Install servers from Debian's packages, without letting them start themselves: `install-servers.sh mosquitto ...`
# Does nothing for what is there already. Needs root, or sudo.
set -eu

missing=""
for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "install-servers: become root, or install sudo, to get:$missing" >&2; exit 1; }
    as_root="sudo"
fi

# 101 is Debian's word for "do not start"; an own policy of the machine is put back afterwards.
policy=/usr/sbin/policy-rc.d
kept=""
restore() { if [ -n "$kept" ]; then $as_root mv "$policy.fleetmon" "$policy"; else $as_root rm -f "$policy"; fi; }
if [ -e "$policy" ]; then kept=yes; $as_root mv "$policy" "$policy.fleetmon"; fi
trap restore EXIT
printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
$as_root chmod 755 "$policy"

echo "installing$missing from the system's packages ..." >&2
$as_root apt-get update -qq
# shellcheck disable=SC2086 # a list of names
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
