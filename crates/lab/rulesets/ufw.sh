# ufw, default deny, with rules for everybody, for one network, for one interface, and with an order that matters.
set -e
ufw default deny incoming
ufw default deny routed
ufw deny from 198.18.0.0/16
ufw deny 8005/tcp
ufw allow 22/tcp
ufw limit 2222/tcp
ufw allow 8000:8010/tcp
ufw allow from 203.0.113.8 to any port 5432 proto tcp
ufw allow in on lan0 to any port 53
ufw allow from 2001:db8:77::/64 to any port 9000
ufw allow to 203.0.113.2 port 443 proto tcp
ufw reject 113/tcp
ufw route allow in on wan0 out on br0 to 10.88.0.2 port 80 proto tcp
ufw --force enable
