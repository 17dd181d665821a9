# Rules of the old iptables beside those of nft and of iptables on nft: each has its say, whoever comes last.
set -e
ipset create office hash:net
ipset add office 192.0.2.0/24
ipset add office 203.0.113.8
ipset create doors bitmap:port range 8000-8100
ipset add doors 8000
ipset add doors 8010
ipset create pairs hash:ip,port
ipset add pairs 198.18.7.77,tcp:5432
ipset add pairs 203.0.113.7,udp:514
iptables-legacy-restore <<'RULES'
*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -i wan0 -p tcp -m tcp --dport 7000:7009 -j MARK --set-xmark 0x10/0xff
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i wan0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.2:80
-A PREROUTING -p tcp -m multiport --dports 2525,2526 -j REDIRECT --to-ports 25
-A POSTROUTING -s 10.88.0.0/24 ! -o br0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:world - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m set --match-set office src -j ACCEPT
-A INPUT -i wan0 -j world
-A INPUT -i br0 -p udp -m udp --dport 53 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 113 -j REJECT --reject-with tcp-reset
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 10.88.0.2/32 -o br0 -p tcp -m tcp --dport 80 -j ACCEPT
-A FORWARD -i lan0 -j ACCEPT
-A world -p tcp -m mark --mark 0x10/0xff -j ACCEPT
-A world -p tcp -m set --match-set doors dst -j ACCEPT
-A world -m set --match-set pairs src,dst -j ACCEPT
-A world -m iprange --src-range 198.18.7.70-198.18.7.80 -p tcp -m multiport --dports 443,1000:1010 -j ACCEPT
-A world -p tcp -m tcp --dport 25 -m conntrack --ctstate NEW -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
-A world -p tcp -m tcp --dport 22 -m hashlimit --hashlimit-upto 100/sec --hashlimit-burst 100 --hashlimit-mode srcip --hashlimit-name ssh -j ACCEPT
-A world -p udp -m udp --dport 5060 -m mac --mac-source 02:00:00:00:01:07 -j ACCEPT
-A world -p udp -m udp --dport 5061 -m mac ! --mac-source 02:00:00:00:01:07 -j ACCEPT
COMMIT
RULES
ip6tables-legacy-restore <<'RULES'
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
-A INPUT -s 2001:db8:77::/64 -p tcp -m tcp --dport 22 -j DROP
-A INPUT -i br0 -j REJECT --reject-with icmp6-adm-prohibited
-A FORWARD -i wan0 -o lan0 -j DROP
COMMIT
RULES
iptables-nft -A INPUT -p tcp --dport 8010 -j REJECT
iptables-nft -A INPUT -p udp --dport 514 -j DROP
ip6tables-nft -A INPUT -p udp --dport 53 -m addrtype --dst-type LOCAL -j DROP
nft -f - <<'RULES'
table inet last {
  chain input {
    type filter hook input priority 10; policy accept;
    tcp dport 7005 drop
    ip saddr 198.18.0.0/16 tcp dport 443 reject with tcp reset
    meta l4proto tcp ip6 saddr 2001:db8:1::8 drop
  }
}
RULES
