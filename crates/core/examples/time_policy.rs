//! Times the policy parser on ten thousand services and on texts that mean harm.

use std::{fmt::Write as _, time::Instant};

use portreeve_core::{
    policy::{Source, parse},
    registry::Registry,
};

fn main() {
    let files: Vec<String> = (0..4).map(services).collect();
    let bytes: usize = files.iter().map(String::len).sum();
    time(&format!("10,000 services of 2 ports, {bytes} bytes in 4 files"), &files);
    time(
        "the same twice: 20,000 overlaps",
        &[files.clone(), vec![files[0].replace("[service.s", "[service.t")]].concat(),
    );
    time("400,000 lines that are not TOML", &["=\n".repeat(400_000)]);
    time("lists in lists", &[format!("x = {}", "[".repeat(2 << 20))]);
    time("one key twice, 50,000 times", &["a = 1\n".repeat(50_000)]);
    time("one header twice, 30,000 times", &["[service.a]\nb = 1\n".repeat(30_000)]);
    time("one line of 30,000 services", &[line()]);
    time(
        "one list of 131,072 addresses",
        &[format!("version = 1\n[service.a]\nports=['1/tcp']\naddress=[{}]", addresses())],
    );
    time(
        "one reach of 300,000 zones",
        &[format!("version = 1\n[service.a]\nports=['1/tcp']\nreach=[{}]", zones())],
    );
}

fn services(file: u32) -> String {
    let mut text = String::from("version = 1\n");
    for n in file * 2_500..(file + 1) * 2_500 {
        let first = 1 + n * 6;
        let _ = writeln!(
            text,
            "\n[service.s{n}]\nports = [\"{first}/tcp\", \"{}-{}/tcp\"]\nowner = {{ unit = \"s{n}.service\" }}\nreach = \"world\"",
            first + 1,
            first + 5
        );
    }
    text
}

fn line() -> String {
    let services: Vec<_> =
        (1..30_000).map(|n| format!("é{n}={{ports=\"{n}/tcp\",owner={{user=\"a\"}}}}")).collect();
    format!("version = 1\nservice = {{{}}}", services.join(","))
}

fn addresses() -> String {
    (0..131_072)
        .map(|n| format!("'10.{}.{}.{}'", n >> 16, n >> 8 & 255, n & 255))
        .collect::<Vec<_>>()
        .join(",")
}

fn zones() -> String {
    (0..300_000).map(|n| format!("'z{n}'")).collect::<Vec<_>>().join(",")
}

/// Prints the median of eleven runs; an argument picks the cases whose name holds it.
fn time(what: &str, files: &[String]) {
    if std::env::args().nth(1).is_some_and(|wanted| !what.contains(&wanted)) {
        return;
    }
    let sources: Vec<_> =
        files.iter().enumerate().map(|(n, text)| Source { name: format!("{n}.toml").into(), text }).collect();
    let mut seconds: Vec<f64> = (0..11)
        .map(|_| {
            let start = Instant::now();
            let answer = parse(&sources, Registry::builtin());
            let passed = start.elapsed().as_secs_f64();
            drop(answer);
            passed
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    println!("{:>9.1} ms  {what}", seconds[5] * 1_000.0);
}
