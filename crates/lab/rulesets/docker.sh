# ufw beside Docker's own rules: it denies what Docker publishes, and an administrator's chain closes one of these.
set -e
ufw default deny incoming
ufw allow 22/tcp
ufw deny 8080/tcp
ufw --force enable
iptables -I DOCKER-USER -i wan0 -p tcp -m conntrack --ctorigdstport 8443 --ctdir ORIGINAL -j DROP
iptables -I DOCKER-USER -s 198.18.0.0/16 -j REJECT
