# fail2ban, which keeps addresses out in four ways: sets of nft by port and by protocol, of ipset, rules of iptables.
set -e
cat >/etc/fail2ban/jail.d/lab.local <<'JAILS'
[DEFAULT]
backend = polling
[sshd]
enabled = true
logpath = /var/log/auth.log
banaction = nftables-multiport
[nginx-http-auth]
enabled = true
port = http,https
logpath = /var/log/nginx.log
banaction = iptables-ipset-proto6
[dovecot]
enabled = true
port = 143,993,110,995
logpath = /var/log/mail.log
banaction = iptables-multiport[blocktype=DROP]
[recidive]
enabled = true
logpath = /var/log/again.log
banaction = nftables-allports[blocktype=drop]
JAILS
touch /var/log/auth.log /var/log/nginx.log /var/log/mail.log /var/log/again.log
mkdir -p /run/fail2ban
fail2ban-client start >/dev/null 2>&1
for jail in sshd nginx-http-auth dovecot; do
  fail2ban-client set $jail banip 203.0.113.8 2001:db8:1::8
done
fail2ban-client set recidive banip 198.18.7.77 2001:db8:77::77
wanted="Ban 203.0.113.8|Ban 2001:db8:1::8|Ban 198.18.7.77|Ban 2001:db8:77::77"
for try in $(seq 200); do
  [ "$(grep -cE "$wanted" /var/log/fail2ban.log)" = 8 ] && nft list ruleset | grep -q 2001:db8:77::77 && exit 0
  sleep 0.05
done
cat /var/log/fail2ban.log
exit 1
