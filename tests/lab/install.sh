#!/bin/bash
# Installs the Debian packages of the laboratory that are missing, without starting their services on
# the machine itself: they run inside the namespaces only. `--all` adds those that only single scenarios need.
. "$(dirname "$0")/net.sh"
need_root

declare -A services=(
    [nginx-light]=nginx [dnsmasq]=dnsmasq [openssh-server]=ssh [vsftpd]=vsftpd
    [samba]="smbd nmbd" [dovecot-pop3d]=dovecot [ngircd]=ngircd [redis-server]=redis-server
    [mariadb-server]=mariadb [slapd]=slapd [krb5-kdc]=krb5-kdc [krb5-admin-server]=krb5-admin-server
    [mosquitto]=mosquitto [snmpd]=snmpd [postgresql-15]=postgresql [atftpd]=atftpd [chrony]=chrony
    [rsyslog]=rsyslog [avahi-daemon]=avahi-daemon [nfs-ganesha]=nfs-ganesha [rpcbind]="rpcbind.socket rpcbind"
    [charon-systemd]=strongswan [xrdp]=xrdp [caddy]=caddy [unbound]=unbound
)
lists=("$LAB_HERE/packages.txt")
[ "${1:-}" = "--all" ] && lists+=("$LAB_HERE/packages-protocols.txt")
missing=()
while read -r package; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done < <(grep -hv '^#' "${lists[@]}")
# pypi: what Debian has not, in a folder of its own.
pypi() {
    [ "${1:-}" = "--all" ] || return 0
    [ -e "$LAB_PYTHON/bin/python3" ] || /usr/bin/python3 -m venv "$LAB_PYTHON"
    "$LAB_PYTHON/bin/pip" install --quiet --requirement "$LAB_HERE/packages-pypi.txt"
}
if [ ${#missing[@]} = 0 ]; then
    pypi "$@"
    exit 0
fi
echo "installing ${missing[*]}"

# policy-rc.d is how Debian lets one forbid a package to start its service.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
    trap 'rm -f $policy' EXIT
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
if [ -d /run/systemd/system ]; then
    for package in "${missing[@]}"; do
        for service in ${services[$package]:-}; do
            systemctl disable --quiet "$service" || true
        done
    done
fi
pypi "$@"
