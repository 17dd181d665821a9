# A workstation's set by hand: verdict maps, concatenations, intervals, timeouts, a named map, marks, a netdev hook.
set -e
cat >/run/rules.nft <<'RULES'
table netdev early {
  chain ingress {
    type filter hook ingress device "wan0" priority -500; policy accept;
    ip saddr 203.0.113.8 udp dport 1900 drop
  }
}
table inet filter {
  set admins { type ipv4_addr; elements = { 203.0.113.7, 192.0.2.0 }; }
  set nets { type ipv4_addr; flags interval; auto-merge; elements = { 192.0.2.0/24, 10.88.0.0/24 }; }
  set nets6 { type ipv6_addr; flags interval; elements = { 2001:db8:2::/64, fd00:88::/64 }; }
  set guests { type ipv4_addr; flags timeout; timeout 1h; elements = { 198.18.7.77 timeout 30m }; }
  set pairs { type ipv4_addr . inet_service; elements = { 203.0.113.8 . 5432, 203.0.113.7 . 5433 }; }
  set spans {
    type ipv4_addr . inet_proto . inet_service; flags interval;
    elements = { 203.0.113.0/29 . tcp . 6000-6010, 198.18.0.0/15 . udp . 6005 };
  }
  map services { type inet_service : verdict; elements = { 22 : jump ssh, 25 : goto refuse, 113 : continue, 631 : drop }; }
  map sides { type ifname : verdict; elements = { "wan0" : jump world, "lan0" : jump home, "br0" : goto boxes }; }
  chain input {
    type filter hook input priority 0; policy drop;
    ct state vmap { established : accept, related : accept, invalid : drop }
    iif lo accept
    meta l4proto icmp accept
    meta l4proto ipv6-icmp accept
    fib daddr type != local drop
    meta mark 0x7 accept
    iifname vmap @sides
    tcp dport 7777 accept
    counter reject with icmpx port-unreachable
  }
  chain refuse { reject with tcp reset; }
  chain world {
    tcp dport vmap @services
    ip saddr . tcp dport @pairs accept
    ip saddr . meta l4proto . th dport @spans accept
    ip saddr @guests tcp dport { 8000-8010, 9090 } accept
    ip6 saddr 2001:db8:77::/64 meta l4proto . th dport { tcp . 443, udp . 443 } accept
    tcp dport 8005 return
    tcp dport >= 60000 accept
    udp dport != 0-1023 udp dport < 5000 accept
  }
  chain ssh {
    ip saddr @admins accept
    ip6 saddr 2001:db8:1::7 accept
    ip saddr 198.18.0.0/16 return
    drop
  }
  chain home {
    ip saddr @nets accept
    ip6 saddr @nets6 meta l4proto { tcp, udp } th dport { 53, 80, 443 } accept
  }
  chain boxes {
    meta nfproto ipv4 udp dport 53 accept
    meta nfproto ipv6 tcp dport 53 reject
  }
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname . oifname { "lan0" . "wan0", "lan0" . "br0" } accept
    iifname "wan0" oifname "br0" ct status dnat accept
  }
  chain marks {
    type filter hook prerouting priority mangle; policy accept;
    tcp dport { 7000-7009 } meta mark set 0x7
    tcp dport 7005 meta mark set meta mark and 0xfffffff8
  }
}
table inet nat {
  chain pre {
    type nat hook prerouting priority dstnat; policy accept;
    iifname "wan0" tcp dport { 8080, 8081 } dnat ip to tcp dport map { 8080 : 10.88.0.2 . 80, 8081 : 10.88.0.3 . 81 }
    iifname "wan0" meta nfproto ipv6 tcp dport 8080 dnat ip6 to [fd00:88::2]:80
    iifname "wan0" udp dport 5353 redirect to :53
    iifname "lan0" ip daddr 192.0.2.1 tcp dport 4000-4003 dnat ip to 10.88.0.2:5000-5003
  }
  chain post { type nat hook postrouting priority srcnat; policy accept; oifname "wan0" masquerade; }
}
RULES
nft -f /run/rules.nft
