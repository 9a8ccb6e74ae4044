//! The completions and man pages in the repository are those of this command line, and the page of causes is that of the
//! catalogue. `UPDATE_GENERATED=1` rewrites them.

use clap_complete::Shell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every generated file of a folder and what it should hold.
fn generated() -> BTreeMap<&'static str, BTreeMap<String, Vec<u8>>> {
    let shells = [(Shell::Bash, "sre-copilot.bash"), (Shell::Zsh, "_sre-copilot"), (Shell::Fish, "sre-copilot.fish")];
    let script = |(shell, name): (Shell, &str)| (name.to_owned(), sre_copilot::cli::completion_script(shell).into_bytes());
    BTreeMap::from([("completions", shells.into_iter().map(script).collect()), ("man", man_pages())])
}

fn man_pages() -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let command = sre_copilot::cli::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command, folder.path()).unwrap();
    let page = |(name, page): (String, Vec<u8>)| (name, with_usual_sections(&String::from_utf8(page).unwrap()).into_bytes());
    files(folder.path()).into_iter().map(page).collect()
}

/// clap_mangen puts what follows the options under the heading "extra", as running text. Examples and exit codes have
/// headings of their own in a man page (man-pages(7)), and their lines stay as they are.
fn with_usual_sections(page: &str) -> String {
    // Ragged to the right, since a command line is no prose.
    let page = page.replacen("\n.SH NAME", "\n.ad l\n.nh\n.SH NAME", 1);
    let page = page.replacen("\n.SH EXTRA\nExamples:\n", "\n.SH EXAMPLES\n.nf\n", 1);
    let page = page.replacen("\n\nExit codes:\n", "\n.SH \"EXIT STATUS\"\n", 1);
    page.replacen("\n.SH VERSION", "\n.fi\n.SH VERSION", 1)
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap())).collect()
}

#[test]
fn completions_and_man_pages_are_up_to_date() {
    let update = std::env::var_os("UPDATE_GENERATED").is_some();
    for (folder, wanted) in generated() {
        let path = root().join(folder);
        if update {
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            for (name, content) in &wanted {
                fs::write(path.join(name), content).unwrap();
            }
        }
        let there = files(&path);
        assert_eq!(there.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "files in {folder}/");
        for (name, content) in &wanted {
            assert!(there[name] == *content, "{folder}/{name} is out of date: UPDATE_GENERATED=1 cargo test --test it generated");
        }
    }
}

#[test]
fn the_page_of_causes_is_up_to_date() {
    let path = root().join("docs/causes.md");
    let wanted = sre_copilot::cli::causes_page();
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(there == wanted, "docs/causes.md is out of date: UPDATE_GENERATED=1 cargo test --test it generated");
}
