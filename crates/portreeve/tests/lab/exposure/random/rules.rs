//! A ruleset as lines of which each can be left out.

/// Who reads the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Nft,
    /// `iptables-restore` and `ip6tables-restore`, which keep their rules in nftables.
    Iptables,
    /// The same of the older tables.
    Legacy,
}

/// A ruleset.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) program: Program,
    /// What the rules stand in: for nft tables, chains and sets; for iptables chains by [`Rule::table`].
    pub(super) frame: Vec<Rule>,
    /// The rules, in order.
    pub(super) rules: Vec<Rule>,
}

/// A line.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// `4 filter` or `6 nat`, for iptables.
    pub(super) table: &'static str,
    pub(super) text: String,
}

/// Takes away what the ruleset before it was.
const RESET: &str = "set -e
nft flush ruleset
for program in iptables-legacy ip6tables-legacy; do
  case $program in ip6*) names=/proc/net/ip6_tables_names;; *) names=/proc/net/ip_tables_names;; esac
  for table in $(cat $names); do
    $program -t $table -F && $program -t $table -X
    for chain in PREROUTING INPUT FORWARD OUTPUT POSTROUTING; do
      $program -t $table -P $chain ACCEPT 2>/dev/null || true
    done
  done
done
";

/// The tables of iptables.
const TABLES: [&str; 8] =
    ["4 raw", "4 mangle", "4 nat", "4 filter", "6 raw", "6 mangle", "6 nat", "6 filter"];

impl Rules {
    /// A shell's commands that make it, and nothing else.
    pub(super) fn script(&self) -> String {
        let commands = match self.program {
            Program::Nft => {
                let lines: String =
                    self.frame.iter().chain(&self.rules).map(|line| format!("{}\n", line.text)).collect();
                format!("nft -f - <<'RULES'\n{lines}RULES\n")
            }
            Program::Iptables => {
                self.restore("iptables-restore", "4") + &self.restore("ip6tables-restore", "6")
            }
            Program::Legacy => {
                self.restore("iptables-legacy-restore", "4") + &self.restore("ip6tables-legacy-restore", "6")
            }
        };
        format!("{RESET}{commands}")
    }

    fn restore(&self, program: &str, family: &str) -> String {
        let table = |table: &&'static str| {
            let own = |line: &&Rule| line.table == *table;
            let lines: Vec<_> = self.frame.iter().filter(own).chain(self.rules.iter().filter(own)).collect();
            let lines: String = lines.iter().map(|line| format!("{}\n", line.text)).collect();
            format!("*{}\n{lines}COMMIT\n", &table[2..])
        };
        let tables: String = TABLES.iter().filter(|table| table.starts_with(family)).map(table).collect();
        format!("{program} <<'RULES'\n{tables}RULES\n")
    }

    /// The same without a rule.
    pub(super) fn without(&self, rule: usize) -> Self {
        let mut rest = self.clone();
        rest.rules.remove(rule);
        rest
    }
}
