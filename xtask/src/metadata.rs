//! What cargo knows of the workspace and of everything it depends on, for the machine it runs on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

/// The workspace's own packages and all that they lead to.
#[derive(Deserialize)]
pub struct Metadata {
    pub packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
pub struct Package {
    pub id: String,
    pub name: String,
    pub version: String,
    /// An SPDX expression.
    pub license: Option<String>,
    pub manifest_path: PathBuf,
    pub dependencies: Vec<Dependency>,
}

/// A dependency as a manifest has it.
#[derive(Deserialize)]
pub struct Dependency {
    pub name: String,
    pub rename: Option<String>,
    /// `None` for one of the code itself, else `dev` or `build`.
    pub kind: Option<String>,
    /// The platforms it is for, where it is not for all.
    pub target: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Resolved>,
}

#[derive(Deserialize)]
struct Resolved {
    /// What code calls the crate.
    name: String,
    pkg: String,
}

impl Metadata {
    /// Asks cargo. What is only for other machines is left out: it may not be there.
    pub fn read() -> Result<Self, String> {
        let version = output("rustc", &["--version", "--verbose"])?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc does not say which machine it is for")?;
        let text = output("cargo", &["metadata", "--format-version", "1", "--locked", "--filter-platform", host])?;
        serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))
    }

    /// The packages of the workspace itself.
    pub fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    /// The packages that something of the workspace is built with here.
    pub fn built_with(&self) -> impl Iterator<Item = &Package> {
        let ids: BTreeSet<&str> = self.resolve.nodes.iter().map(|node| node.id.as_str()).collect();
        self.packages.iter().filter(move |package| ids.contains(package.id.as_str()) && !self.workspace_members.contains(&package.id))
    }

    /// What the code of a package calls its dependencies, by the packages' names.
    pub fn names_in_code(&self, package: &Package) -> BTreeMap<&str, &str> {
        let named: BTreeMap<&str, &str> = self.packages.iter().map(|package| (package.id.as_str(), package.name.as_str())).collect();
        let deps = self.resolve.nodes.iter().filter(|node| node.id == package.id).flat_map(|node| &node.deps);
        deps.filter_map(|dep| Some((*named.get(dep.pkg.as_str())?, dep.name.as_str()))).collect()
    }
}

fn output(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{program}: {error}"))
}
