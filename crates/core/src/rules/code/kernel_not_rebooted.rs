//! A newer kernel is installed than the one that runs (A18).

use alloc::{vec, vec::Vec};

use crate::{
    finding::{Finding, Severity},
    rules::{Page, Rule},
    text,
    words::Words,
    world::World,
};

/// The newest installed kernel is not the one that runs.
pub(super) const RULE: Rule = Rule {
    name: "kernel-not-rebooted",
    severity: Severity::Warning,
    article: &["A18"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "A package has put a newer kernel on the disk than the one that runs.",
            ja: "実行中のカーネルより新しいカーネルのパッケージが導入されています。",
        },
        why: Words {
            en: "Every packet passes the kernel first; its holes stay open until the host boots the new one.",
            ja: "すべてのパケットは最初にカーネルが処理します。新しいカーネルで起動し直すまで、脆弱性は残ります。",
        },
        fix: Words {
            en: "Reboot the host when it suits.", ja: "都合のよいときにホストを再起動します。"
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let kernels = world.snapshot.code.as_ref().and_then(|code| code.kernel.as_ref());
    let Some((kernels, newest)) = kernels.and_then(|kernels| Some((kernels, kernels.waiting()?))) else {
        return Vec::new();
    };
    let (running, release, version) = (&kernels.running, &newest.release, &newest.version);
    let finding = RULE.finding(
        text!(
            "the kernel {running} runs, and {release} ({version}) is installed",
            "カーネル {running} で動作していますが、{release}({version})が導入済みです"
        ),
        text!("reboot when it suits", "都合のよいときに再起動してください"),
    );
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::{Code, InstalledKernel, KernelStanding, Kernels},
        rules::testing::{Scene, scene},
    };

    fn host(running: &str, running_version: Option<&str>, installed: &[(&str, &str)]) -> Scene {
        let kernel = |(release, version): &(&str, &str)| InstalledKernel {
            release: (*release).into(),
            package: alloc::format!("linux-image-{release}"),
            version: (*version).into(),
        };
        let kernels = Kernels {
            running: running.into(),
            running_version: running_version.map(Into::into),
            installed: installed.iter().map(kernel).collect(),
        };
        let mut scene = scene();
        scene.snapshot.code = Some(Code { kernel: Some(kernels), ..Code::default() });
        scene
    }

    #[test]
    fn a_newer_kernel_on_the_disk_is_found() {
        let scene =
            host("6.1.0-9-amd64", None, &[("6.1.0-9-amd64", "6.1.27-1"), ("6.1.0-10-amd64", "6.1.37-1")]);
        assert_eq!(
            scene.texts(RULE.name),
            ["the kernel 6.1.0-9-amd64 runs, and 6.1.0-10-amd64 (6.1.37-1) is installed"]
        );
    }

    #[test]
    fn the_same_release_may_have_been_built_anew() {
        let installed = [("6.1.0-9-amd64", "6.1.28-1")];
        assert_eq!(host("6.1.0-9-amd64", Some("6.1.27-1"), &installed).texts(RULE.name).len(), 1);
        assert_eq!(host("6.1.0-9-amd64", Some("6.1.28-1"), &installed).rules(), [""; 0]);
        assert_eq!(host("6.1.0-9-amd64", None, &installed).rules(), [""; 0]);
    }

    #[test]
    fn whoever_has_kernels_of_several_kinds_chose_the_one_that_runs() {
        let own = ("6.8.0-45-generic", "6.8.0-45.45");
        let of = |other| host(own.0, None, &[own, other]).texts(RULE.name).len();
        assert_eq!(of(("6.8.0-1015-aws", "6.8.0-1015.16")), 0);
        assert_eq!(of(("6.8.0-47-generic", "6.8.0-47.47")), 1);
        let backport = [("6.1.0-9-amd64", "6.1.27-1"), ("6.12.9+bpo-amd64", "6.12.9-1~bpo12+1")];
        assert_eq!(host("6.1.0-9-amd64", None, &backport).texts(RULE.name).len(), 1);
        for [old, new] in [
            ["5.14.0-427.42.1.el9_4.x86_64", "5.14.0-503.11.1.el9_5.x86_64"],
            ["6.8.5-301.fc40.x86_64", "6.11.4-301.fc41.x86_64"],
            ["6.6.37-desktop-1.mga9", "6.6.43-desktop-1.mga9"],
        ] {
            let installed = [old, new].map(|release| (release, release));
            let found = |running| host(running, None, &installed).texts(RULE.name).len();
            assert_eq!((found(old), found(new)), (1, 0), "{new}");
        }
        let of_two =
            [("5.14.0-503.11.1.el9_5.x86_64", "5.14.0"), ("5.15.0-200.131.27.el9uek.x86_64", "5.15.0")];
        assert!(host(of_two[0].0, None, &of_two).texts(RULE.name).is_empty());
    }

    #[test]
    fn a_kernel_that_runs_and_is_of_no_package_is_not_compared() {
        assert_eq!(host("6.12.0-mine", None, &[("6.1.0-9-amd64", "6.1.27-1")]).rules(), [""; 0]);
        let removed = host("6.1.0-9-amd64", Some("6.1.27-1"), &[("6.1.0-10-amd64", "6.1.37-1")]);
        assert_eq!(removed.texts(RULE.name).len(), 1, "its package is gone, but it tells its version");
    }

    #[test]
    fn a_kernel_whose_package_was_removed_is_compared_with_those_of_its_kind() {
        let of = |running: &str, installed: &[(&str, &str)]| host(running, None, installed);
        let newer = [("6.8.0-47-generic", "6.8.0-47.47"), ("6.8.0-1015-aws", "6.8.0-1015.16")];
        let text = "the kernel 6.8.0-45-generic runs, and 6.8.0-47-generic (6.8.0-47.47) is installed";
        assert_eq!(of("6.8.0-45-generic", &newer).texts(RULE.name), [text]);
        for unknown in ["6.8.0-48-generic", "6.8.0-45-mine", "6.8.0"] {
            assert_eq!(of(unknown, &newer).rules(), [""; 0], "{unknown}");
            let code = of(unknown, &newer).snapshot.code.unwrap();
            assert_eq!(code.kernel.unwrap().standing(), KernelStanding::Unknown, "{unknown}");
        }
    }
}
