//! What of a document is run: fenced blocks behind a comment that says of what they are.
//!
//! `<!-- node -->` before a block: its lines are typed, one after the other, by whoever follows the Node part. `<!-- node: FILE -->`: it is
//! saved as that file, between them. Any other block is for reading.

/// A block that is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Lines that are typed.
    Command { language: String, text: String },
    /// A file that is saved.
    File { language: String, name: String, text: String },
}

/// What ends a file in a script; no file has it as a line.
const END: &str = "END-OF-THE-FILE-OF-THE-GUIDE";

/// The blocks of a document that are run, in their order. Errors: a mark that no block follows, a block that does not end.
pub fn read(text: &str) -> Result<Vec<Block>, String> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(mark) = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) else { continue };
        let place = number.saturating_add(1);
        let opened = lines.next().is_some_and(|(_, line)| line.starts_with("```"));
        if !opened {
            return Err(format!("line {place}: no block follows {mark}"));
        }
        let mut text = String::new();
        loop {
            match lines.next() {
                None => return Err(format!("line {place}: the block of {mark} does not end")),
                Some((_, "```")) => break,
                Some((_, END)) => return Err(format!("line {place}: a block may not have {END}")),
                Some((_, line)) => {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
        found.push(match mark.split_once(": ") {
            None => Block::Command { language: mark.to_owned(), text },
            Some((language, name)) => Block::File { language: language.to_owned(), name: name.to_owned(), text },
        });
    }
    Ok(found)
}

/// The one command of a mark.
pub fn only<'a>(found: &'a [Block], mark: &str) -> Result<&'a str, String> {
    let mut its = found.iter().filter_map(|block| match block {
        Block::Command { language, text } if language == mark => Some(text.trim_end()),
        _ => None,
    });
    match (its.next(), its.next()) {
        (Some(text), None) => Ok(text),
        _ => Err(format!("the guide has to have one block of {mark}")),
    }
}

/// What somebody does who follows one language: commands, and files that are saved between them.
pub fn script(found: &[Block], wanted: &str) -> Result<String, String> {
    let mut script = String::new();
    for block in found {
        match block {
            Block::Command { language, text } if language == wanted => script.push_str(text),
            Block::File { language, name, text } if language == wanted => {
                script.push_str(&format!("cat > {name} <<'{END}'\n{text}{END}\n"));
            }
            _ => {}
        }
    }
    if script.is_empty() { Err(format!("the guide has nothing to run of {wanted}")) } else { Ok(script) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# A\n\n```sh\nnot run\n```\n<!-- a -->\n```sh\none\n```\n<!-- a: f.js -->\n```js\nfile\n```\n<!-- b -->\n```sh\nother\n```\n<!-- a -->\n```sh\ntwo\n```\n";

    #[test]
    fn marked_blocks_are_run_in_their_order_and_no_others() {
        let found = read(TEXT).unwrap();
        assert_eq!(script(&found, "a").unwrap(), format!("one\ncat > f.js <<'{END}'\nfile\n{END}\ntwo\n"));
        assert_eq!(only(&found, "b"), Ok("other"));
        assert!(only(&found, "a").is_err() && only(&found, "c").is_err() && script(&found, "c").is_err());
    }

    #[test]
    fn a_mark_without_a_block_is_told_by_its_line() {
        for text in ["x\n<!-- a -->\nx\n```", "x\n<!-- a -->", "x\n<!-- a -->\n```\nopen"] {
            assert!(read(text).unwrap_err().starts_with("line 2: "), "{text}");
        }
    }
}
