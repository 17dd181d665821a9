//! Ten thousand ports, and one more: the whole command against nft alone, and against ufw.

use portreeve_lab::{Host, Network};

use super::scene::{
    ANOTHER, MANY, MANY_POLICY, MORE_POLICY, apply, boot, boot_writable, middle, policy, ports, run, time,
};
use crate::{
    bench::report::{Figure, Promise, Row},
    shell::Result,
};

const ROUNDS: u32 = 5;
const PLAN_MILLISECONDS_MAX: f64 = 200.0;
const SHARE_OF_NFT_MAX: f64 = 1.5;
const SHARE_OF_UFW_MAX: f64 = 1.0 / 15.0;

/// What was measured, in nanoseconds, round by round.
#[derive(Default)]
struct Times {
    plan: Vec<u64>,
    apply: Vec<u64>,
    more: Vec<u64>,
    nft: Vec<u64>,
    reload: Vec<u64>,
    allow: Vec<u64>,
}

/// Time.
pub(super) fn rows() -> Result<Vec<Row>> {
    let network = Network::create()?;
    let (ours, theirs) = (boot_writable(&network)?, boot(&network)?);
    prepare_ours(&ours)?;
    prepare_ufw(&theirs)?;
    let mut times = Times::default();
    for _ in 0..ROUNDS {
        times.measure(&ours, &theirs)?;
    }
    Ok(times.rows())
}

fn prepare_ours(host: &Host) -> Result {
    host.write(MANY_POLICY, &policy(ports(MANY), "tcp"))?;
    host.write(MORE_POLICY, &policy(ports(MANY).chain([ANOTHER]), "tcp"))?;
    // Changes that could be made end with 1.
    run(host, &format!("portreeve plan --policy {MANY_POLICY} -o nft > /root/many.nft; test $? = 1"))?;
    Ok(())
}

/// Writes what ufw writes for each `ufw allow PORT/tcp`, which would take it hours.
fn prepare_ufw(host: &Host) -> Result {
    for (file, chain, any) in
        [("user.rules", "ufw-user-input", "0.0.0.0/0"), ("user6.rules", "ufw6-user-input", "::/0")]
    {
        let rule = |port: u16| {
            format!(
                "### tuple ### allow tcp {port} {any} any {any} in\n-A {chain} -p tcp --dport {port} -j ACCEPT\n\n"
            )
        };
        let saved = run(host, &format!("cat /etc/ufw/{file}"))?;
        let (before, after) =
            saved.split_once("### RULES ###\n").ok_or("ufw keeps its rules in another way")?;
        let rules: String = ports(MANY).map(rule).collect();
        host.write(&format!("/etc/ufw/{file}"), &format!("{before}### RULES ###\n\n{rules}{after}"))?;
    }
    run(host, "ufw --force enable")?;
    let listed = run(host, "ufw status | grep -c ALLOW")?;
    // Of IPv4 and of IPv6.
    if listed.trim().parse() != Ok(2 * u32::from(MANY)) {
        return Err(format!("ufw lists {} rules", listed.trim()).into());
    }
    Ok(())
}

impl Times {
    /// Everybody once.
    fn measure(&mut self, ours: &Host, theirs: &Host) -> Result {
        run(ours, "rm -rf /var/lib/portreeve")?;
        self.plan.push(time(ours, &format!("! portreeve plan --policy {MANY_POLICY}"))?);
        self.apply.push(time(ours, &apply(MANY_POLICY))?);
        self.more.push(time(ours, &apply(MORE_POLICY))?);
        run(ours, "nft delete table inet portreeve")?;
        self.nft.push(time(ours, "nft -f /root/many.nft")?);
        run(ours, "nft delete table inet portreeve")?;
        self.reload.push(time(theirs, "ufw reload")?);
        self.allow.push(time(theirs, &format!("ufw allow {ANOTHER}/tcp"))?);
        run(theirs, &format!("ufw delete allow {ANOTHER}/tcp"))?;
        Ok(())
    }

    fn rows(&self) -> Vec<Row> {
        let row = |what: &str, ours: &[u64], rival: Option<(&str, &[u64])>, promise| Row {
            what: what.into(),
            ours: middle(ours),
            rival: rival.map(|(name, times)| (name.into(), middle(times))),
            promise,
        };
        let (nft, ufw) = (Promise::Share(SHARE_OF_NFT_MAX), Promise::Share(SHARE_OF_UFW_MAX));
        let plan = Promise::AtMost(Figure::Nanoseconds(PLAN_MILLISECONDS_MAX * 1e6));
        let (all, more) = ("`portreeve apply`, 10,000 ports", "`portreeve apply`, one port beside 10,000");
        vec![
            row("`portreeve plan`, 10,000 ports", &self.plan, None, plan),
            row(all, &self.apply, Some(("nft -f", &self.nft)), nft),
            row(all, &self.apply, Some(("ufw reload", &self.reload)), ufw),
            row(more, &self.more, Some(("ufw allow", &self.allow)), ufw),
        ]
    }
}
