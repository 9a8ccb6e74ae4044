//! Who sits at this terminal.

use crate::domain::Actor;

/// Who sits at this terminal: the system's number of the user counts, the name is only shown.
pub fn caller() -> Actor {
    let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter();
    let name = named.filter_map(|name| std::env::var(name).ok()).find(|name| !name.is_empty());
    let number = user_number();
    let name = name.or_else(|| number.clone()).unwrap_or_else(|| "unknown".to_owned());
    Actor { kind: "person".to_owned(), id: number.unwrap_or_else(|| name.clone()), name }
}

/// `uid:1000`, as the kernel says (Linux, proc(5): the owner of a process's folder is its effective user).
#[cfg(target_os = "linux")]
fn user_number() -> Option<String> {
    let own = std::fs::metadata("/proc/self").ok()?;
    Some(format!("uid:{}", std::os::unix::fs::MetadataExt::uid(&own)))
}

#[cfg(not(target_os = "linux"))]
fn user_number() -> Option<String> {
    None
}
