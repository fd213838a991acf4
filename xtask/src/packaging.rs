//! Holds what is under packaging/ against linters, and tries what can be tried of it without a container engine.

use std::path::Path;

use crate::packages;
use crate::run::{Run, Stopped};

const PACKAGING: &str = "packaging";
/// Files, and the schema of check-jsonschema's own that is theirs.
const SCHEMAS: &[(&str, &str)] = &[
    ("compose.yaml", "vendor.compose-spec"),
    ("recipes/github-actions.yml", "vendor.github-workflows"),
    ("recipes/gitlab-ci.yml", "vendor.gitlab-ci"),
];

/// Everything; the release binary has to be there.
pub fn check(run: &mut Run) -> Result<(), Stopped> {
    run.step("packages for the recipes", packages::install_for_recipes)?;
    let folder = crate::target().join(PACKAGING);
    let path = |rest: &str| folder.join(rest).display().to_string();
    let venv = path("venv");
    run.program("a place for Python's linters", &["/usr/bin/python3", "-m", "venv", &venv], &[])?;
    let (pip, requirements) = (path("venv/bin/pip"), ["--requirement", "packaging/lint/requirements.txt"]);
    let install = [&[&*pip, "install", "--quiet", "--disable-pip-version-check"], &requirements[..]].concat();
    run.program("install Python's linters", &install, &[])?;
    run.program("install Node's linters", &["npm", "ci", "--prefix", "packaging/lint", "--no-audit", "--no-fund"], &[])?;
    run.program("install the SDK", &["npm", "ci", "--prefix", "conformance/node", "--no-audit", "--no-fund"], &[])?;

    run.program("Dockerfile", &[&path("venv/bin/hadolint"), "packaging/Dockerfile"], &[])?;
    let yamls: Vec<String> = SCHEMAS.iter().map(|(file, _)| in_packaging(file)).collect();
    let yamllint = [path("venv/bin/yamllint"), "--strict".into(), "--config-file".into(), "packaging/lint/yamllint.yaml".into()];
    let all: Vec<&str> = yamllint.iter().chain(&yamls).map(String::as_str).collect();
    run.program("YAML", &all, &[])?;
    for (file, schema) in SCHEMAS {
        let arguments = [&*path("venv/bin/check-jsonschema"), "--builtin-schema", schema, &*in_packaging(file)];
        run.program(file, &arguments, &[])?;
    }
    run.program("the workflow", &["node", "packaging/lint/workflow.mjs", "packaging/recipes/github-actions.yml"], &[])?;
    let classes = path("classes");
    let java = ["-Xlint:all", "-Werror", "-d", &classes, "-sourcepath", "packaging/lint/java", "packaging/recipes/FlorinTest.java"];
    run.program("Java", &[&["javac"], &java[..]].concat(), &[])?;

    let florin = crate::target().join("release/florin");
    run.step("the release binary", || if Path::new(&florin).exists() { Ok(()) } else { Err(format!("there is no {}", florin.display())) })?;
    let shown = folder.display().to_string();
    run.program("the image's file system and the recipes", &["packaging/lint/try.sh", &florin.display().to_string(), &shown], &[])
}

fn in_packaging(file: &str) -> String {
    format!("{PACKAGING}/{file}")
}
