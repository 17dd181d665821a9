//! One claim of a process of its own, beside a row of the `sqlite3` shell and those who only look for a free port.

use super::{Folder, STATE, host, portreeve};
use crate::{
    bench::{
        report::{Figure, Promise, Row},
        stopwatch::{Sample, race, words},
    },
    shell::{Result, command, find_program, output, target},
};

const ROUNDS: u32 = 25;
const SQLITE_SHARE_MAX: f64 = 1.3;
const NODE_SHARE_MAX: f64 = 1.0 / 10.0;
const PYTHON_SHARE_MAX: f64 = 1.0 / 5.0;
/// What lasts, as portreeve's claim does: in a log that is synced before it is answered.
const PREPARE: &str =
    "pragma journal_mode = wal; create table claim (id text primary key, name text, port integer)";
const INSERT: &str =
    "pragma synchronous = full; insert into claim values (hex(randomblob(16)), 'web', 20500)";

/// A rival, what it takes to have it, and the share of its time that is promised.
struct Rival {
    name: &'static str,
    words: Vec<String>,
    share: f64,
}

/// That every rival is here: whoever lacks one learns it before anything is measured.
pub(super) fn look_for_rivals() -> Result<()> {
    sqlite("")?;
    node()?;
    python().map(drop)
}

/// Our time against theirs.
pub(super) fn rows() -> Result<Vec<Row>> {
    let (host, folder) = (host()?, Folder::new("cold")?);
    let database = folder.file("raw.db");
    output(&mut command(&["sqlite3", &database, PREPARE]))?;
    // Its usual ledger, on the disk as the rival's.
    output(&mut host.command(["mount", "--bind", &folder.file(""), STATE]))?;
    let ours = [&portreeve(), "claim", "@"].map(ToString::to_string);
    let rivals = [sqlite(&database)?, node()?, python()?];
    let commands: Vec<Vec<String>> =
        [ours.to_vec()].into_iter().chain(rivals.iter().map(|rival| rival.words.clone())).collect();
    let samples = race(&mut host.command(words(ROUNDS, &commands)?), commands.len())?;
    let (ours, theirs) = samples.split_first().ok_or("nobody ran")?;
    Ok(rivals.iter().zip(theirs).map(|(rival, theirs)| row(ours.time(), rival, theirs)).collect())
}

fn row(ours: Figure, rival: &Rival, theirs: &Sample) -> Row {
    Row {
        what: "`portreeve claim NAME`, no daemon".into(),
        ours,
        rival: Some((rival.name.into(), theirs.time())),
        promise: Promise::Share(rival.share),
    }
}

fn sqlite(database: &str) -> Result<Rival> {
    let program = find_program("sqlite3").ok_or("sqlite3 is missing; type: apt-get install sqlite3")?;
    let words = [&program.to_string_lossy(), database, INSERT].map(ToString::to_string);
    Ok(Rival { name: "sqlite3, a durable row", words: words.to_vec(), share: SQLITE_SHARE_MAX })
}

fn node() -> Result<Rival> {
    let folder = target().join("bench/rivals");
    let module = folder.join("node_modules/get-port/index.js");
    let program = find_program("node").ok_or("node is missing; type: apt-get install nodejs npm")?;
    if !module.is_file() {
        let folder = folder.display();
        return Err(format!("get-port is missing; type: npm install --prefix {folder} get-port@7").into());
    }
    let code = format!(
        "import({:?}).then(async getPort => console.log(await getPort.default()))",
        module.to_string_lossy()
    );
    let words = [&program.to_string_lossy(), "-e", &code].map(ToString::to_string);
    Ok(Rival { name: "node get-port", words: words.to_vec(), share: NODE_SHARE_MAX })
}

fn python() -> Result<Rival> {
    let folder = target().join("bench/rivals/python");
    if !folder.join("portpicker.py").is_file() {
        let folder = folder.display();
        return Err(format!("portpicker is missing; type: pip install --target {folder} portpicker").into());
    }
    // What is found by name may be a script that looks for the real one.
    let program = output(&mut command(&["python3", "-c", "import sys; print(sys.executable)"]))?;
    let code = format!(
        "import sys; sys.path.insert(0, {:?}); import portpicker; print(portpicker.pick_unused_port())",
        folder.to_string_lossy()
    );
    let words = [program.trim(), "-c", &code].map(ToString::to_string);
    Ok(Rival { name: "python portpicker", words: words.to_vec(), share: PYTHON_SHARE_MAX })
}
