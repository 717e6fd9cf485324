#!/bin/sh
# Make what the stack needs to trust each other: `prepare.sh` once, then `prepare.sh NAME ...` for each terminal or
# system, whose certificate is made in secrets/clients. BROKER_NAMES are the names by which terminals find the broker.
# Everything in secrets/ can be read inside the containers; the folder itself only by you. ca.key signs new terminals:
# keep it somewhere else when the fleet is real.
set -eu
umask 022
secrets="${SECRETS:-$(dirname "$0")/secrets}"
days=825

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; chmod 644 "$1"; }

# signed FILE NAME EXTENSIONS: a key and a certificate, unless they are there
signed() {
    [ ! -e "$1.pem" ] || return 0
    key "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=$2" |
        openssl x509 -req -days "$days" -sha256 -CA "$secrets/ca.pem" -CAkey "$secrets/ca.key" -CAcreateserial \
            -extfile /dev/fd/3 -out "$1.pem" 3<<END
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
$3
END
}

client() {
    signed "$1" "$2" "extendedKeyUsage = clientAuth"
}

random() { [ -e "$1" ] || openssl rand -hex 24 | tr -d '\n' >"$1"; }

mkdir -p "$secrets/clients"
chmod 700 "$secrets"
if [ ! -e "$secrets/ca.pem" ]; then
    key "$secrets/ca.key"
    chmod 600 "$secrets/ca.key"
    openssl req -x509 -new -key "$secrets/ca.key" -sha256 -days 3650 -subj "/CN=fleetmon" -out "$secrets/ca.pem" \
        -addext "basicConstraints = critical, CA:true" -addext "keyUsage = critical, keyCertSign, cRLSign"
fi

names="DNS:mosquitto, DNS:localhost, IP:127.0.0.1"
for name in ${BROKER_NAMES:-}; do names="$names, DNS:$name"; done
signed "$secrets/broker" mosquitto "extendedKeyUsage = serverAuth
subjectAltName = $names"
client "$secrets/fleetmon" fleetmon

for name in postgres-password store-password grafana-reader-password grafana-admin-password admin-token; do
    random "$secrets/$name"
done
if [ ! -e "$secrets/tokens.yml" ]; then
    digest=$(openssl dgst -sha256 -r "$secrets/admin-token" | cut -d ' ' -f 1)
    printf 'tokens:\n  - {name: admin, role: admin, sha256: %s}\n' "$digest" >"$secrets/tokens.yml"
fi

for name in "$@"; do
    case "$name" in fleetmon | "" | *[!A-Za-z0-9._-]*)
        echo "prepare: '$name': a name has letters, digits and . _ - only, and fleetmon's is taken" >&2
        exit 1
        ;;
    esac
    client "$secrets/clients/$name" "$name"
    echo "$secrets/clients/$name.pem"
done
