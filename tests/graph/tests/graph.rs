//! The manifests against configs/crate-graph.toml.
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

type Edges = BTreeMap<String, BTreeSet<String>>;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn config() -> toml::Table {
    std::fs::read_to_string(root().join("configs/crate-graph.toml")).unwrap().parse().unwrap()
}

/// What each crate of the workspace depends on, tests apart.
fn manifests() -> (Edges, BTreeMap<String, String>) {
    let args = ["metadata", "--no-deps", "--format-version", "1", "--offline"];
    let out = Command::new(env!("CARGO")).args(args).current_dir(root()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: Value = serde_json::from_slice(&out.stdout).unwrap();
    let (mut edges, mut sources) = (Edges::new(), BTreeMap::new());
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap().to_owned();
        let target = package["targets"][0]["src_path"].as_str().unwrap();
        sources.insert(name.clone(), std::fs::read_to_string(target).unwrap());
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let names = dependencies.filter(|d| d["kind"] != "dev").map(|d| d["name"].as_str().unwrap().to_owned());
        edges.insert(name, names.collect());
    }
    (edges, sources)
}

fn is_test(name: &str) -> bool {
    name.starts_with("axbpf-tests-")
}

#[test]
fn crates_depend_on_what_the_graph_says() {
    let allowed: Edges = config()["dependencies"].clone().try_into().unwrap();
    let (mut actual, _) = manifests();
    actual.retain(|name, _| !is_test(name));
    for (name, edges) in &actual {
        let Some(allowed) = allowed.get(name) else { panic!("{name} is not in configs/crate-graph.toml") };
        let extra: Vec<_> = edges.difference(allowed).collect();
        assert!(extra.is_empty(), "{name} depends on {extra:?}, which configs/crate-graph.toml does not allow");
        let gone: Vec<_> = allowed.difference(edges).collect();
        assert!(gone.is_empty(), "configs/crate-graph.toml says that {name} depends on {gone:?}, but it does not");
    }
    assert_eq!(actual.keys().collect::<Vec<_>>(), allowed.keys().collect::<Vec<_>>());
}

#[test]
fn arrows_point_down() {
    let layers: BTreeMap<String, i64> = config()["layers"].clone().try_into().unwrap();
    for (name, edges) in manifests().0.iter().filter(|(name, _)| !is_test(name)) {
        let layer = layers[name];
        for to in edges.iter().filter_map(|to| layers.get_key_value(to)) {
            // Within a layer only these: leaves that lean on a leaf, and the JIT on the contract of the interpreter is one layer up.
            assert!(*to.1 < layer || (layer == 5 && to.0 == "axbpf-build"), "{name} (layer {layer}) depends on {} (layer {})", to.0, to.1);
        }
    }
}

#[test]
fn where_unsafe_is_forbidden_the_crate_says_so() {
    let forbidden: Vec<String> = config()["unsafe"]["forbidden"].clone().try_into().unwrap();
    let (_, sources) = manifests();
    for name in forbidden {
        assert!(sources[&name].contains("#![forbid(unsafe_code)]"), "{name} lacks #![forbid(unsafe_code)]");
    }
}
