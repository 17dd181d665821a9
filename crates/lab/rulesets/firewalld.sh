# firewalld with a zone a side, zones by source, rich rules, forwarded ports and a policy between two zones.
set -e
mkdir -p /run/dbus /etc/firewalld/zones /etc/firewalld/policies
dbus-daemon --system --fork >/dev/null 2>&1
cd /etc/firewalld/zones
cat >public.xml <<'ZONE'
<zone>
  <interface name="wan0"/>
  <service name="https"/>
  <port port="8000-8010" protocol="tcp"/>
  <port port="53" protocol="udp"/>
  <forward-port port="8080" protocol="tcp" to-port="80" to-addr="10.88.0.2"/>
  <forward-port port="9000" protocol="tcp" to-port="9001"/>
  <rule family="ipv4"><source address="203.0.113.8"/><port port="5432" protocol="tcp"/><accept/></rule>
  <rule><port port="8005" protocol="tcp"/><reject/></rule>
  <rule family="ipv6"><source address="2001:db8:1::8"/><drop/></rule>
</zone>
ZONE
cat >internal.xml <<'ZONE'
<zone>
  <interface name="lan0"/>
  <service name="dns"/>
  <forward/>
</zone>
ZONE
echo '<zone target="ACCEPT"><interface name="br0"/></zone>' >trusted.xml
echo '<zone target="DROP"><source address="198.18.0.0/16"/></zone>' >drop.xml
echo '<zone target="%%REJECT%%"><source address="2001:db8:77::/64"/></zone>' >block.xml
cat >/etc/firewalld/policies/inwards.xml <<'POLICY'
<policy target="CONTINUE">
  <ingress-zone name="public"/>
  <egress-zone name="trusted"/>
  <port port="81" protocol="tcp"/>
</policy>
POLICY
firewalld --nopid >/run/firewalld.log 2>&1 || { cat /run/firewalld.log; exit 1; }
for try in $(seq 200); do
  firewall-cmd --state >/dev/null 2>&1 && exit 0
  sleep 0.1
done
cat /run/firewalld.log /var/log/firewalld
exit 1
