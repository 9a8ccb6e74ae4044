//! An image reference taken apart as the runtimes do (github.com/distribution/reference): registry, repository, tag.

use super::super::spelling::edits;

/// The parts of an image reference, with Docker's defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageReference {
    /// The registry's host, with its port where one is given.
    pub registry: String,
    /// The repository in that registry.
    pub path: String,
    /// The tag; empty where only a digest is given.
    pub tag: String,
}

/// What a reference without a host means.
const DOCKER_HUB: &str = "docker.io";
/// Where Docker Hub keeps the official images; all of them are public.
const OFFICIAL: &str = "library/";

impl ImageReference {
    /// Takes a reference apart. `None` for the empty string and for a bare image id.
    pub fn parse(image: &str) -> Option<Self> {
        let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (name, if digest.is_some() { "" } else { "latest" }),
        };
        if name.is_empty() || name == "sha256" {
            return None;
        }
        let (registry, path) = match name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path.to_owned()),
            Some(_) => (DOCKER_HUB, name.to_owned()),
            None => (DOCKER_HUB, format!("{OFFICIAL}{name}")),
        };
        let (registry, path) = match registry {
            "index.docker.io" | "registry-1.docker.io" => (DOCKER_HUB, path),
            DOCKER_HUB if !path.contains('/') => (DOCKER_HUB, format!("{OFFICIAL}{path}")),
            registry => (registry, path),
        };
        Some(Self { registry: registry.to_owned(), path, tag: tag.to_owned() })
    }

    /// Whether it is one of Docker Hub's official images, which need no credentials.
    pub fn is_official(&self) -> bool {
        self.registry == DOCKER_HUB && self.path.starts_with(OFFICIAL)
    }

    /// Whether both name the same repository.
    pub fn same_repository(&self, other: &Self) -> bool {
        self.registry == other.registry && self.path == other.path
    }

    /// Whether this repository's name looks like a slip of the other's: same registry, and one or two letters apart. Names that
    /// differ in their digits are siblings (`api-v1`, `api-v2`), not slips.
    pub fn is_slip_of(&self, other: &Self) -> bool {
        let digits = |path: &str| path.chars().filter(char::is_ascii_digit).collect::<String>();
        self.registry == other.registry
            && digits(&self.path) == digits(&other.path)
            && self.path != other.path
            && self.path.len().min(other.path.len()) >= 4
            && edits(&self.path, &other.path) <= 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(image: &str) -> (String, String, String) {
        let reference = ImageReference::parse(image).unwrap();
        (reference.registry, reference.path, reference.tag)
    }

    #[test]
    fn defaults_are_dockers() {
        let expect = |registry: &str, path: &str, tag: &str| (registry.to_owned(), path.to_owned(), tag.to_owned());
        assert_eq!(parts("redis"), expect("docker.io", "library/redis", "latest"));
        assert_eq!(parts("docker.io/redis:7"), expect("docker.io", "library/redis", "7"));
        assert_eq!(parts("team/web:1.2"), expect("docker.io", "team/web", "1.2"));
        assert_eq!(parts("registry.example:5000/team/web"), expect("registry.example:5000", "team/web", "latest"));
        assert_eq!(parts("registry.example/web@sha256:ab"), expect("registry.example", "web", ""));
        assert_eq!(parts("registry.example/web:1@sha256:ab"), expect("registry.example", "web", "1"));
        assert_eq!(ImageReference::parse("sha256:abcdef"), None);
        assert_eq!(ImageReference::parse(""), None);
    }

    #[test]
    fn slips_are_close_and_in_the_same_registry() {
        let slip = |a: &str, b: &str| ImageReference::parse(a).unwrap().is_slip_of(&ImageReference::parse(b).unwrap());
        assert!(slip("team/chekout:1", "team/checkout:1"));
        assert!(slip("ngnix", "nginx:1.25"));
        assert!(!slip("team/payment", "team/checkout"));
        assert!(!slip("team/checkout:2", "team/checkout:1"));
        assert!(!slip("team/api-v2", "team/api-v1"));
        assert!(!slip("a.example/team/chekout", "b.example/team/checkout"));
    }

    proptest! {
        #[test]
        fn any_reference_is_read(image in "\\PC{0,60}") {
            ImageReference::parse(&image);
        }
    }
}
