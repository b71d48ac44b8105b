//! What the system's own package manager installs, and how it is called on each system.

use std::process::Command;

use crate::command::{self, find_program};
use crate::failure::Failure;

/// Something the system's package manager installs, under the name that each manager gives it.
pub struct Package {
    /// What it is and what for, in one line.
    pub purpose: &'static str,
    /// Programs that must be on the search path once it is there.
    pub programs: &'static [&'static str],
    apt: &'static str,
    dnf: &'static str,
    pacman: &'static str,
    brew: &'static str,
    winget: &'static str,
}

/// What every machine needs, ONNX Runtime apart.
pub const NEEDED: [Package; 2] = [
    Package {
        purpose: "a C compiler and linker, for the tokenizer's C code",
        programs: &["cc"],
        apt: "build-essential",
        dnf: "gcc",
        pacman: "base-devel",
        brew: "gcc",
        winget: "Microsoft.VisualStudio.2022.BuildTools",
    },
    Package {
        purpose: "ffmpeg and ffprobe, which read video files",
        programs: &["ffmpeg", "ffprobe"],
        apt: "ffmpeg",
        dnf: "ffmpeg-free",
        pacman: "ffmpeg",
        brew: "ffmpeg",
        winget: "Gyan.FFmpeg",
    },
];

/// Needed only while ONNX Runtime is fetched. It brings no program: `python3 -m pip` is asked for instead.
pub const PIP: Package = Package {
    purpose: "pip, which fetches ONNX Runtime",
    programs: &[],
    apt: "python3-pip",
    dnf: "python3-pip",
    pacman: "python-pip",
    brew: "python",
    winget: "Python.Python.3.12",
};

impl Package {
    /// Whether this system can lack it: where Rust came to Windows, its linker came with it.
    pub fn is_needed_here(&self) -> bool {
        !(cfg!(windows) && self.programs == ["cc"])
    }

    /// Whether all its programs are on the search path.
    pub fn is_installed(&self) -> bool {
        self.programs.iter().all(|program| find_program(program).is_some())
    }
}

/// The program that installs packages on this system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackageManager {
    /// Debian, Ubuntu and what descends from them.
    Apt,
    /// Fedora and what descends from it.
    Dnf,
    /// Arch and what descends from it.
    Pacman,
    /// macOS.
    Brew,
    /// Windows.
    Winget,
    /// A system these tasks do not know.
    Unknown,
}

impl PackageManager {
    /// What this system uses.
    pub fn of_this_machine() -> Self {
        if cfg!(windows) {
            Self::Winget
        } else if cfg!(target_os = "macos") {
            Self::Brew
        } else {
            Self::from_os_release(&std::fs::read_to_string("/etc/os-release").unwrap_or_default())
        }
    }

    /// Reads `/etc/os-release`: the system's own id first, then those it says it is like.
    fn from_os_release(text: &str) -> Self {
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches(['"', '\''])
        };
        value("ID")
            .split_whitespace()
            .chain(value("ID_LIKE").split_whitespace())
            .find_map(|id| match id {
                "debian" | "ubuntu" => Some(Self::Apt),
                "fedora" | "rhel" => Some(Self::Dnf),
                "arch" => Some(Self::Pacman),
                _ => None,
            })
            .unwrap_or(Self::Unknown)
    }

    fn name_of(self, package: &Package) -> &'static str {
        match self {
            Self::Apt | Self::Unknown => package.apt,
            Self::Dnf => package.dnf,
            Self::Pacman => package.pacman,
            Self::Brew => package.brew,
            Self::Winget => package.winget,
        }
    }

    /// The command that installs them, for a person to type.
    fn command_line(self, packages: &[&Package]) -> String {
        let names: Vec<&str> = packages.iter().map(|package| self.name_of(package)).collect();
        let names = names.join(" ");
        match self {
            Self::Apt => {
                format!("sudo apt-get update && sudo apt-get install --no-install-recommends {names}")
            }
            Self::Dnf => format!("sudo dnf install {names}"),
            Self::Pacman => format!("sudo pacman -S --needed {names}"),
            Self::Brew => format!("brew install {names}"),
            Self::Winget => {
                let each: Vec<String> = packages
                    .iter()
                    .map(|package| format!("winget install --id {} -e", self.name_of(package)))
                    .collect();
                each.join("; ")
            }
            Self::Unknown => format!("your package manager's command for what Debian calls: {names}"),
        }
    }

    /// Installs packages, or says with which command the user can.
    ///
    /// # Errors
    /// Where only the user can install, and where installing fails.
    pub fn install(self, packages: &[&Package]) -> Result<(), Failure> {
        let by_hand = format!("run this, then the same task again: {}", self.command_line(packages));
        let (Self::Apt, Some(apt)) = (self, Apt::of_this_machine()) else {
            return Err(Failure::new("the packages above cannot be installed from here", by_hand));
        };
        // Fails where one of several sources is down, which the packages wanted here may well do without.
        if let Err(failure) = command::run(&mut apt.command(&["update"]), "") {
            eprintln!("warning: the package lists are perhaps not fresh: {failure}");
        }
        let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
        arguments.extend(packages.iter().map(|package| self.name_of(package)));
        command::run(&mut apt.command(&arguments), &by_hand)
    }
}

/// A way to run apt-get with the right to install.
struct Apt {
    prefix: &'static [&'static str],
}

impl Apt {
    /// As root or through sudo; none where neither is possible.
    fn of_this_machine() -> Option<Self> {
        find_program("apt-get")?;
        let user = command::capture(Command::new("id").arg("-u"), "").unwrap_or_default();
        if user.trim() == "0" {
            return Some(Self { prefix: &[] });
        }
        find_program("sudo")?;
        let can_ask = std::io::IsTerminal::is_terminal(&std::io::stdin());
        let is_free = || command::succeeds(Command::new("sudo").args(["-n", "true"]));
        // Without a terminal nobody can type the password, and sudo would wait or fail in the middle.
        (can_ask || is_free()).then_some(Self { prefix: &["sudo"] })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        // Through `env`, because sudo drops the caller's environment. The lock may be held by unattended upgrades.
        let fixed = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet=1", "-o", "DPkg::Lock::Timeout=300"];
        let words: Vec<&str> = self.prefix.iter().chain(&fixed).chain(arguments).copied().collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        println!("$ {}", command::shown(&command));
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_told_apart_by_id_then_by_likeness() {
        for (text, expected) in [
            ("PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n", PackageManager::Apt),
            ("ID=ubuntu\nID_LIKE=debian\n", PackageManager::Apt),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", PackageManager::Apt),
            ("ID=fedora\n", PackageManager::Dnf),
            ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", PackageManager::Dnf),
            ("ID=manjaro\nID_LIKE=arch\n", PackageManager::Pacman),
            ("ID=nixos\n", PackageManager::Unknown),
            ("", PackageManager::Unknown),
        ] {
            assert_eq!(PackageManager::from_os_release(text), expected, "{text}");
        }
    }

    #[test]
    fn every_system_gets_its_own_command() {
        let packages = [&NEEDED[1], &PIP];
        for (manager, expected) in [
            (
                PackageManager::Apt,
                "sudo apt-get update && sudo apt-get install --no-install-recommends ffmpeg python3-pip",
            ),
            (PackageManager::Dnf, "sudo dnf install ffmpeg-free python3-pip"),
            (PackageManager::Pacman, "sudo pacman -S --needed ffmpeg python-pip"),
            (PackageManager::Brew, "brew install ffmpeg python"),
            (PackageManager::Winget, "winget install --id Gyan.FFmpeg -e; winget install --id Python.Python.3.12 -e"),
        ] {
            assert_eq!(manager.command_line(&packages), expected);
        }
    }

    #[test]
    fn where_only_the_user_can_install_the_hint_is_the_command() {
        let failure = PackageManager::Dnf.install(&[&NEEDED[1]]).unwrap_err().to_string();
        assert!(failure.ends_with("sudo dnf install ffmpeg-free"), "{failure}");
    }

    #[test]
    fn sudo_passes_the_quiet_front_end_on() {
        let command = Apt { prefix: &["sudo"] }.command(&["update"]);
        assert_eq!(
            command::shown(&command),
            "sudo env DEBIAN_FRONTEND=noninteractive apt-get --quiet=1 -o DPkg::Lock::Timeout=300 update"
        );
    }
}
