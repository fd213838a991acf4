//! The demo, as scripts read it.

use serde_json::Value;

use crate::program::done;

#[test]
fn the_story_is_told_in_numbers() {
    let folder = tempfile::tempdir().unwrap();
    // Links that lead elsewhere are nothing that the story stumbles over.
    let args = ["--json", "demo", "--exit", "--listen", "127.0.0.1:0", "--public-url", "https://pay.example.com/florin/"];
    let told = done(&folder.path().join("data"), None, &args);
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    assert!(lines.iter().all(|line| line.is_object() && line.get("note").is_none()), "{told}");
    assert_eq!(lines[1]["public_url"], "https://pay.example.com/florin");
    let steps: Vec<&Value> = lines.iter().filter(|line| line.get("step").is_some()).collect();
    assert_eq!(steps.len(), 9, "{told}");
    let balances = |step: usize| -> Vec<(&str, i64, &str)> {
        let all = steps[step - 1]["balances"].as_array().unwrap().iter();
        all.map(|held| (held["of"].as_str().unwrap(), held["balance"].as_i64().unwrap(), held["currency"].as_str().unwrap())).collect()
    };
    assert_eq!(balances(5), [("Ada", 2_000, "EUR"), ("Grace", 9_200, "EUR"), ("marketplace", 800, "EUR")]);
    assert_eq!(balances(9), [("Ada", 0, "EUR"), ("Grace", 200, "EUR"), ("marketplace", 800, "EUR")]);
    assert_eq!((&steps[8]["payment"]["status"], &steps[8]["payment"]["result_code"]), (&"FAILED".into(), &"001001".into()));
    assert!(steps[0]["made"]["user"].as_str().unwrap().starts_with("user_m_"), "{told}");
    assert_eq!(lines.last().unwrap()["holds"], true);
}
