//! Numbers that the kernel counts for a network namespace, by name (proc_net(5), net/ipv4/proc.c, net/ipv6/proc.c).

/// The number below `name` in the table whose two lines begin with `head` (`snmp`, `netstat`); 0 where there is none.
#[must_use]
pub fn in_table(text: &str, head: &str, name: &str) -> u64 {
    let mut lines = text.lines().filter(|line| line.split_whitespace().next() == Some(head));
    let (Some(names), Some(numbers)) = (lines.next(), lines.next()) else { return 0 };
    let pairs = names.split_whitespace().zip(numbers.split_whitespace());
    pairs.filter(|(own, _)| *own == name).find_map(|(_, number)| number.parse().ok()).unwrap_or(0)
}

/// The number behind `name` in a list of a name and a number a line (`snmp6`); 0 where there is none.
#[must_use]
pub fn in_list(text: &str, name: &str) -> u64 {
    let mut numbers = text.lines().filter_map(|line| {
        let (own, number) = line.split_once(char::is_whitespace)?;
        (own == name).then(|| number.trim().parse().ok())?
    });
    numbers.next().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stands_below_its_name() {
        let text =
            "Ip: Forwarding OutDiscards OutNoRoutes\nIp: 1 42 7\nIcmp: InMsgs OutDiscards\nIcmp: 5 6\n";
        assert_eq!((in_table(text, "Ip:", "OutDiscards"), in_table(text, "Icmp:", "OutDiscards")), (42, 6));
        assert_eq!((in_table(text, "Ip:", "Other"), in_table(text, "Udp:", "OutDiscards")), (0, 0));
        for odd in ["", "Ip: OutDiscards", "Ip: OutDiscards\nIp: x", "Ip: OutDiscards\nIp:"] {
            assert_eq!(in_table(odd, "Ip:", "OutDiscards"), 0, "{odd}");
        }
    }

    #[test]
    fn a_number_stands_behind_its_name() {
        let text = "Ip6OutRequests                  \t9\nIp6OutDiscards                  \t3\n";
        assert_eq!((in_list(text, "Ip6OutDiscards"), in_list(text, "Ip6")), (3, 0));
    }
}
