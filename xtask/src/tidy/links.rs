//! A link from one document to another file of the project leads somewhere.

use super::house::{House, Mistake};

pub(super) fn check(house: &House) -> Vec<Mistake> {
    house.with_extension("md").flat_map(|(path, text)| mistakes(house, path, text)).collect()
}

fn mistakes(house: &House, path: &str, text: &str) -> Vec<Mistake> {
    let lines = text.lines().enumerate();
    let linked = lines.flat_map(|(at, line)| targets(line).map(move |target| (at + 1, target)));
    let dead = linked.filter(|(_, target)| !resolve(path, target).is_some_and(|found| house.has(&found)));
    dead.map(|(line, target)| Mistake::at(path, line, format!("`{target}` leads nowhere"))).collect()
}

/// The files that the links of a line lead to; not what is on the web or in the same document.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let links = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let files = links.map(|(target, _)| target.split('#').next().unwrap_or_default());
    files.filter(|target| !target.is_empty() && !target.contains(':'))
}

/// The path from the project's folder of what a file at `path` calls `target`; none outside the project.
pub(super) fn resolve(path: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        let house = House::sample(&[("docs/a.md", text), ("docs/b.md", ""), ("c.txt", "")]);
        check(&house).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_link_leads_to_a_file_or_folder() {
        assert_eq!(said("[b](b.md), [part](./b.md#x), [c](../c.txt), [docs](../docs)\n"), [""; 0]);
        assert_eq!(said("\n[gone](gone.md) [b](b.md)\n"), ["docs/a.md:2: `gone.md` leads nowhere"]);
        assert_eq!(said("[out](../../c.txt)\n"), ["docs/a.md:1: `../../c.txt` leads nowhere"]);
    }

    #[test]
    fn the_web_and_the_same_document_are_somebody_elses() {
        assert_eq!(
            said("[web](https://example.org/x) [mail](mailto:a@example.org) [below](#below)\n"),
            [""; 0]
        );
    }
}
