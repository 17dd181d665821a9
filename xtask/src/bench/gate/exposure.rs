//! All 65,536 numbers on a host with Docker and ufw, from saved listings: what is beyond the programs that list them.

use std::{fs, path::Path};

use portreeve_lab::{
    Host, Network, Perimeter,
    engine::Docker,
    fixture, profile,
    ruleset::{DOCKER, LIST, LISTINGS},
};

use crate::{
    bench::{
        race::{Race, Words},
        report::Row,
    },
    shell::{Result, target},
};

const ROUNDS: u32 = 25;
const MILLISECONDS_MAX: f64 = 50.0;

/// Time.
pub(super) fn rows() -> Result<Vec<Row>> {
    let folder = target().join("bench/listings");
    save(&folder)?;
    // A race keeps its commands for as long as its rows are spoken of.
    let folder: &'static str = folder.to_string_lossy().into_owned().leak();
    let command: Words = vec!["portreeve", "exposure", "--all", "-o", "json", "--from-files", folder].leak();
    let race = Race::run(&fixture::empty()?, "Docker and ufw", ROUNDS, vec![command].leak())?;
    let row = race.within(0, MILLISECONDS_MAX);
    Ok(vec![Row { what: row.what.replace(folder, "DIR"), ..row }])
}

/// Saves the listings of a host on which ufw denies what Docker publishes.
fn save(folder: &Path) -> Result {
    let network = Network::create()?;
    let host = Host::boot(&network, &profile::BARE, &target().join("release/portreeve"))?;
    let _perimeter = Perimeter::around(host.namespace())?;
    let docker = Docker::start_without_forwarders(&host)?;
    docker.serve("shop", "-p 8080:80 -p 8443:443 -p 53:5353/udp", 80)?;
    for command in [DOCKER.script, LIST] {
        host.run(command)?.success("making the ruleset")?;
    }
    fs::create_dir_all(folder)?;
    let names = host.run(&format!("ls {LISTINGS}"))?.stdout;
    for name in names.lines() {
        let listing = host.run(&format!("cat {LISTINGS}/{name}"))?;
        fs::write(folder.join(name), listing.stdout)?;
    }
    Ok(())
}
