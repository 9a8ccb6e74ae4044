//! The words of runc, crun, containerd, CRI-O, Docker, the kubelet and the shells for a process that doesn't start.

/// Why a process never ran.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The command, in a sentence.
    Command(String),
    /// The named program is for another platform.
    Platform(String),
    /// The security settings, in a sentence.
    Security(String),
}

/// Errors of mounts and memory, which other families read.
const OTHERS: &[&str] = &["error mounting", "to rootfs", "subpath", "are you trying to mount", "oom-killed", "out of memory"];

/// The kubelet's verifyRunAsNonRoot (pkg/kubelet/kuberuntime/security_context_others.go), with what each means.
const NON_ROOT: &[(&str, &str)] = &[
    ("image will run as root", "runAsNonRoot is set and the image runs as root"),
    ("breaks non-root policy", "runAsNonRoot is set and runAsUser is 0"),
    ("non-numeric user", "runAsNonRoot is set and the image names its user by a word, which can't be checked"),
    ("invalid user id", "runAsNonRoot is set and the image's user id is not valid"),
];

/// What runtimes say of the other security settings.
const SECURITY: &[(&str, &str)] = &[
    ("seccomp", "its seccomp profile can't be loaded"),
    ("apparmor", "its AppArmor profile can't be loaded"),
    ("selinux", "its SELinux label can't be applied"),
    ("capabilit", "a capability that it asks for can't be granted"),
    ("no new privileges", "it asks for privileges that it may not gain"),
    ("operation not permitted", "the kernel forbids an operation that its security context doesn't grant"),
];

/// Reads a message about a process that never ran. `None` when it names no reason of this family.
pub(super) fn of_message(message: &str) -> Option<Reason> {
    let lower = message.to_lowercase();
    if OTHERS.iter().any(|words| lower.contains(words)) {
        return None;
    }
    if is_platform(message) {
        return Some(Reason::Platform(program(message).unwrap_or("its program").to_owned()));
    }
    if let Some((_, means)) = NON_ROOT.iter().find(|(words, _)| lower.contains(words)) {
        let user = message.split_once("non-numeric user (").and_then(|(_, rest)| rest.split(')').next());
        return Some(Reason::Security(user.map_or_else(|| (*means).to_owned(), |user| format!("{means}: {user}"))));
    }
    if let Some((_, means)) = SECURITY.iter().find(|(words, _)| lower.contains(words)) {
        return Some(Reason::Security(format!("{means}: {}", tail(message))));
    }
    let program = program(message);
    let named = |what: &str| Some(Reason::Command(format!("{} {what}", program.unwrap_or("its command"))));
    if lower.contains("not found in $path") || lower.contains("cannot find") {
        return named("is not found in $PATH");
    }
    if lower.contains("no command specified") {
        return Some(Reason::Command("neither the pod nor the image says which command to run".to_owned()));
    }
    if lower.contains("chdir to cwd") {
        return Some(Reason::Command(format!("its working directory can't be entered: {}", tail(message))));
    }
    if lower.contains("unable to find user") || lower.contains("unable to find group") {
        return Some(Reason::Command(format!("the image lacks the user that it should run as: {}", tail(message))));
    }
    if lower.contains("no such file or directory") {
        return named("doesn't exist in the image, or the interpreter that it names doesn't");
    }
    if lower.contains("permission denied") {
        return named("isn't executable: permission denied");
    }
    if lower.contains("is a directory") {
        return named("is a directory");
    }
    (lower.contains("exec: ") || lower.contains("unable to start container process"))
        .then(|| Reason::Command(format!("its command can't be executed: {}", tail(message))))
}

/// The kernel's ENOEXEC, as runc (`exec format error`) and crun (`Exec format error`) pass it on.
pub(super) fn is_platform(text: &str) -> bool {
    text.to_lowercase().contains("exec format error")
}

/// Whether a log line is a shell's, env's or the loader's word for a command that can't be run.
pub(super) fn is_command(line: &str) -> bool {
    let lower = line.to_lowercase();
    let shell =
        lower.ends_with("not found") || lower.ends_with("permission denied") || lower.ends_with("no such file or directory");
    shell && lower.contains(": ") || lower.contains("command not found") || lower.contains("error while loading shared libraries")
}

/// The program that a message names: `exec: "app"`, `exec: \"app\"`, crun's `` `app` ``, or `exec /app:`.
fn program(message: &str) -> Option<&str> {
    let quoted = |start: &str, end: char| {
        let (_, rest) = message.rsplit_once(start)?;
        rest.split([end, '\\']).next().filter(|name| !name.is_empty())
    };
    let named = |rest: &'_ str| rest.starts_with('/') || rest.starts_with('.');
    let plain = || message.split("exec ").skip(1).filter_map(|rest| rest.split([':', ' ']).next()).find(|name| named(name));
    quoted("exec: \"", '"')
        .or_else(|| quoted("exec: \\\"", '"'))
        .or_else(|| quoted("executable file `", '`'))
        .or_else(|| quoted("cannot find `", '`'))
        .or_else(|| quoted("exec container process `", '`'))
        .or_else(|| quoted("exec `", '`'))
        .or_else(plain)
}

/// The end of a message, where the reason stands.
fn tail(message: &str) -> String {
    let text = message.trim().trim_end_matches(": unknown");
    let skip = text.chars().count().saturating_sub(160);
    text.chars().skip(skip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn command(message: &str) -> String {
        match of_message(message) {
            Some(Reason::Command(what)) => what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn commands_in_every_runtimes_words() {
        let runc = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: \
                    unable to start container process: error during container init: exec: \"serve\": executable file not found in $PATH: unknown";
        assert_eq!(command(runc), "serve is not found in $PATH");
        let old = "OCI runtime create failed: container_linux.go:349: starting container process caused \"exec: \\\"serve\\\": executable \
                   file not found in $PATH\": unknown";
        assert_eq!(command(old), "serve is not found in $PATH");
        assert_eq!(
            command("container create failed: executable file `serve` not found in $PATH: No such file or directory"),
            "serve is not found in $PATH"
        );
        let stat = "runc create failed: unable to start container process: exec: \"/app/serve\": stat /app/serve: no such file or directory: unknown";
        assert!(command(stat).starts_with("/app/serve doesn't exist"));
        let denied = "unable to start container process: exec: \"/app/run.sh\": permission denied: unknown";
        assert_eq!(command(denied), "/app/run.sh isn't executable: permission denied");
        assert!(
            command("failed to generate container spec: failed to generate spec: no command specified").starts_with("neither")
        );
    }

    #[test]
    fn security_and_platform_and_the_others() {
        let root = "container has runAsNonRoot and image will run as root (pod: \"web_shop(1)\", container: app)";
        assert_eq!(of_message(root), Some(Reason::Security("runAsNonRoot is set and the image runs as root".to_owned())));
        let word =
            "container has runAsNonRoot and image has non-numeric user (node), cannot verify user is non-root (pod: \"x\")";
        assert!(matches!(of_message(word), Some(Reason::Security(what)) if what.ends_with(": node")));
        assert_eq!(of_message("exec /app/serve: exec format error"), Some(Reason::Platform("/app/serve".to_owned())));
        assert_eq!(of_message("runc create failed: error mounting \"/x\" to rootfs at \"/y\": not a directory: unknown"), None);
        assert_eq!(of_message("container init was OOM-killed (memory limit too low?)"), None);
        assert_eq!(of_message("secret \"db\" not found"), None);
        assert_eq!(of_message("context deadline exceeded"), None);
    }

    #[test]
    fn shells_say_it_at_the_end_of_a_line() {
        assert!(is_command("sh: serve: not found"));
        assert!(is_command("/bin/sh: 1: serve: not found"));
        assert!(is_command("entrypoint.sh: line 3: java: command not found"));
        assert!(is_command("env: 'node': No such file or directory"));
        assert!(!is_command("GET /items 404 page not found"));
    }

    proptest! {
        #[test]
        fn any_message_is_read(message in "\\PC{0,200}") {
            of_message(&message);
            of_message(&format!("exec: \"{message}"));
        }
    }
}
