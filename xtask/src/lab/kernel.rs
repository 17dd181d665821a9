//! `cargo xtask lab kernel`: the built program on another kernel, under qemu.

use std::path::Path;

use portreeve_lab::kernel::{Guest, Initramfs, Kernel, OLDEST, SERIES_VARIABLE, initramfs};

use crate::{
    shell::{self, Result, cargo, target},
    tally::count,
    test,
};

/// The tests that run on that kernel: whoever has more to check there writes one more of them.
const TESTS: &str = "lab::kernel::";

/// What a kernel lets BPF do, and whom; a line each.
const FACTS: &str = r#"
echo "kernel               $(uname -r)"
echo "BTF                  $(stat -c '%s bytes' /sys/kernel/btf/vmlinux 2>&1)"
echo "unprivileged bpf     disabled = $(cat /proc/sys/kernel/unprivileged_bpf_disabled)"
echo "lockdown             $(cat /sys/kernel/security/lockdown 2>/dev/null || echo none)"
echo "security modules     $(cat /sys/kernel/security/lsm)"
echo "iterators            $(sed -n 's/.* bpf_iter_\(task_file\|tcp\|udp\|unix\|netlink\|sockmap\)$/\1/p' /proc/kallsyms | sort -u | tr '\n' ' ')"
"#;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Order<'a> {
    series: &'a str,
    files: Vec<&'a str>,
    command: &'a [String],
}

/// `[--kernel SERIES] [--put FILE]… [COMMAND…]`: runs a command on the kernel, with files of the machine on its path;
/// without one, says what the kernel offers and runs the tests that are meant for it.
pub(super) fn run(words: &[String]) -> Result {
    let order = order(words)?;
    shell::run(&mut cargo(&["build", "--quiet", "--package", "portreeve"]))?;
    let guest = boot(&order)?;
    if order.command.is_empty() {
        print!("{}", guest.run(FACTS)?.success("asking the kernel")?.stdout);
        drop(guest);
        return tests(order.series);
    }
    let output = guest.run(&order.command.join(" "))?;
    print!("{}", output.stdout);
    eprint!("{}", output.stderr);
    if output.status == 0 { Ok(()) } else { Err(format!("it ended with {}", output.status).into()) }
}

/// The command begins with the first word that is no option of ours.
fn order(words: &[String]) -> Result<Order<'_>> {
    let mut order = Order { series: OLDEST, files: Vec::new(), command: words };
    while let [option, rest @ ..] = order.command {
        let value = || rest.first().map(String::as_str).ok_or_else(|| format!("{option} wants a value"));
        match option.as_str() {
            "--kernel" => order.series = value()?,
            "--put" => order.files.push(value()?),
            _ => break,
        }
        order.command = &rest[1..];
    }
    Ok(order)
}

fn boot(order: &Order<'_>) -> Result<Guest> {
    let kernel = Kernel::ready(order.series)?;
    let mut initramfs = initramfs::with_witnesses(&target().join("debug/portreeve"))?;
    order.files.iter().try_for_each(|file| put(&mut initramfs, Path::new(file)))?;
    let guest = Guest::boot(&kernel, &initramfs, "")?;
    eprintln!("{} came up in {:.1} s", kernel.release(), guest.booted_in().as_secs_f32());
    Ok(guest)
}

fn put(initramfs: &mut Initramfs, file: &Path) -> Result {
    let name = file.file_name().ok_or("--put wants a file")?.to_string_lossy();
    Ok(initramfs.program(file, &format!("usr/local/bin/{name}"))?)
}

fn tests(series: &str) -> Result {
    let tally = count(test::lab().args(["--", TESTS]).env(SERIES_VARIABLE, series))?;
    println!("{tally}");
    if tally.failed > 0 { Err(format!("portreeve on Linux {series}").into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn options_end_where_the_command_begins() {
        let line = words("--put a.o --kernel 6.12 --put b ss -ltn --kernel x");
        let order = order(&line).unwrap();
        assert_eq!((order.series, &order.files[..]), ("6.12", &["a.o", "b"][..]));
        assert_eq!(order.command, words("ss -ltn --kernel x"));
    }

    #[test]
    fn without_words_it_is_the_oldest_kernel_and_no_command() {
        assert_eq!(order(&[]).unwrap(), Order { series: OLDEST, files: Vec::new(), command: &[] });
        assert_eq!(order(&words("--kernel")).unwrap_err().to_string(), "--kernel wants a value");
    }
}
