//! Commands in a sentence. A model may repeat the command of a proposed action and no other.

/// Programs whose mere name in a sentence of advice is a command.
const ALWAYS: &[&str] = &[
    "kubectl",
    "oc",
    "crictl",
    "ctr",
    "nerdctl",
    "systemctl",
    "sudo",
    "chmod",
    "chown",
    "iptables",
    "etcdctl",
    "kubeadm",
    "wget",
    "mkfs",
    "istioctl",
    "argocd",
    "eval",
    "nsenter",
    "reboot",
    "shutdown",
    "xargs",
    "powershell",
];
/// Programs whose names are also words: a command only with something after it that reads like arguments.
const WITH_ARGUMENTS: &[&str] = &[
    "aws",
    "az",
    "bash",
    "curl",
    "dd",
    "docker",
    "flux",
    "gcloud",
    "git",
    "helm",
    "kill",
    "killall",
    "mysql",
    "nc",
    "node",
    "perl",
    "php",
    "podman",
    "psql",
    "python",
    "python3",
    "redis-cli",
    "rm",
    "ruby",
    "sed",
    "service",
    "sh",
    "ssh",
    "tee",
    "terraform",
];
/// What follows a program's name when it is called.
const SUBCOMMANDS: &[&str] = &[
    "apply",
    "delete",
    "destroy",
    "exec",
    "install",
    "login",
    "prune",
    "pull",
    "push",
    "rebase",
    "reset",
    "restart",
    "revert",
    "rm",
    "rollback",
    "run",
    "start",
    "stop",
    "uninstall",
    "upgrade",
];
/// What only a shell reads.
const SHELL: &[&str] = &["$(", "&&", "||", "2>&1", "| sh", "| bash", ">>", "; rm", "#!/"];
/// Verbs of changes that no text may call for unless an action does it.
const CHANGES: &[&str] = &["cordon", "delete", "drain", "evict", "kill", "reboot", "restart", "rollback", "scale", "terminate"];
/// What makes of such a verb a thing.
const THINGS: &[&str] = &["count", "counts", "loop", "loops", "policy", "target", "limit", "limits", "signal", "times", "storm"];

/// Whether a sentence holds a command that is none of these.
pub(super) fn has_foreign(sentence: &str, allowed: &[String]) -> bool {
    let mut rest = sentence.to_lowercase();
    // The longest first: one command may begin like another.
    let mut allowed: Vec<String> = allowed.iter().map(|command| command.to_lowercase()).filter(|it| !it.is_empty()).collect();
    allowed.sort_by_key(|command| std::cmp::Reverse(command.len()));
    for command in allowed {
        // Followed by more arguments it is another command.
        while let Some(at) = rest.find(&command).filter(|at| ends_there(rest.get(at + command.len()..).unwrap_or_default())) {
            rest.replace_range(at..at + command.len(), " ");
        }
    }
    if SHELL.iter().any(|sign| rest.contains(sign)) {
        return true;
    }
    let words: Vec<&str> =
        rest.split_whitespace().map(|word| word.trim_matches(|char| "`'\"()[]{},;:.!?*".contains(char))).collect();
    let raw: Vec<&str> = rest.split_whitespace().collect();
    words.iter().enumerate().any(|(index, word)| {
        let name = word.rsplit('/').next().unwrap_or(word);
        let next = words.get(index + 1).copied().unwrap_or_default();
        let reads_like_arguments = raw.get(index + 1).is_some_and(|next| next.starts_with('-') && next.len() > 1)
            || SUBCOMMANDS.contains(&next)
            || next.starts_with('/')
            || next.contains("://");
        ALWAYS.contains(&name) || WITH_ARGUMENTS.contains(&name) && reads_like_arguments
    })
}

/// Whether a command ends here: what follows is prose and no further argument.
fn ends_there(rest: &str) -> bool {
    let next = rest.trim_start();
    rest.is_empty()
        || !rest.starts_with(|char: char| char.is_alphanumeric() || "-_./=,:".contains(char) && !is_mark(rest))
            && !next.starts_with('-')
            && !next.starts_with('|')
            && !next.starts_with(';')
            && !next.starts_with('&')
}

/// A mark of the sentence, with nothing or a blank behind it.
fn is_mark(rest: &str) -> bool {
    rest.chars().nth(1).is_none_or(char::is_whitespace)
}

/// The verb of a change that a step calls for, if it calls for one.
pub(super) fn change(step: &str) -> Option<&'static str> {
    let lower = step.to_lowercase();
    let words: Vec<&str> = lower.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let rolls_back = words.windows(2).any(|pair| pair == ["roll", "back"]).then_some("rollback");
    rolls_back.or_else(|| {
        words.iter().enumerate().find_map(|(index, word)| {
            let is_thing = words.get(index + 1).is_some_and(|next| THINGS.contains(next));
            CHANGES.iter().copied().find(|change| change == word && !is_thing)
        })
    })
}
