#!/bin/sh
# Create a CA, unless the folder has one, and a new certificate of the hooks, by openssl alone:
#
#   deploy/tls/certificates.sh [FOLDER]
#
# Run it again to renew the certificate. DAYS sets how long it is valid, NAMES adds names to it, such as "IP:127.0.0.1".
set -eu
umask 077
folder=${1:-deploy/tls}
days=${DAYS:-90}
names="DNS:ipam-hooks.ipam-system,DNS:ipam-hooks.ipam-system.svc,DNS:ipam-hooks.ipam-system.svc.cluster.local${NAMES:+,$NAMES}"
mkdir -p "$folder"
cd "$folder"
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

new_key() {
    openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
}

if [ ! -e ca.key ]; then
    new_key "$temporary/ca.key"
    openssl req -x509 -new -key "$temporary/ca.key" -days 3650 -subj /CN=ipam-hooks-ca \
        -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign -out ca.crt
    mv "$temporary/ca.key" ca.key
fi
new_key "$temporary/tls.key"
printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nkeyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:false\n' \
    "$names" > "$temporary/extensions"
openssl req -new -key "$temporary/tls.key" -subj /CN=ipam-hooks |
    openssl x509 -req -days "$days" -CA ca.crt -CAkey ca.key -extfile "$temporary/extensions" -out "$temporary/tls.crt" 2> "$temporary/log" ||
    { cat "$temporary/log" >&2; exit 1; }
mv "$temporary/tls.key" "$temporary/tls.crt" .
echo "$folder: certificate of the hooks until $(openssl x509 -noout -enddate -in tls.crt | cut -d= -f2)"
