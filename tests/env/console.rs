//! The console blocks of a Markdown page: a line `$ command` (continued after a `\`), and below it what the command prints, up to the
//! next one. `check` holds a page to what its commands print. Who runs them, and where, is the caller's.
//!
//! What can't be the same twice is left out of the comparison: see `REDACTED`. A page may leave out more: `...` on a line of its own
//! stands for any lines, `[..]` for anything within a line. With `SNAPSHOTS=overwrite` in the environment, a page that differs is rewritten.

use std::fmt::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;
use snapbox::assert::{Action, DEFAULT_ACTION_ENV};
use snapbox::{Assert, Data, Redactions};
use tokio::time::{Instant, sleep};

/// How long what a command shows may take to become so.
const PATIENCE: Duration = Duration::from_secs(30);

/// What differs from run to run, and what is compared instead. Both sides are redacted: a page shows what somebody really saw.
const REDACTED: [(&str, &str); 4] = [
    ("[GUID]", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    (
        "[TIME]",
        r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})",
    ),
    // A cell of a table: two spaces or a line's start before it.
    (
        "[AGE]",
        r"(?m)(^|  )(?<redacted>(\d+[ywdhms]|<invalid>|<unknown>)+( \(x\d+ over (\d+[ywdhms])+\))?)(  |$)",
    ),
    ("[PORT]", r"(localhost|127\.0\.0\.1|\[::1\]):(?<redacted>\d+)"),
];

/// A command of a page, and what the page says that it prints.
#[derive(Debug)]
pub struct Command {
    /// As typed: after a `\`, on several lines.
    pub line: String,
    /// With a line break at its end, unless it is empty.
    pub output: String,
    /// Where in the page the output is.
    place: Range<usize>,
}

/// The commands of a page, in their order. Lines of a console block above its first command are nobody's, and refused.
pub fn commands(page: &str) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let (mut is_console, mut is_fenced, mut is_continued) = (false, false, false);
    let mut position = 0;
    for line in page.split_inclusive('\n') {
        let start = position;
        position += line.len();
        let text = line.trim_end_matches('\n');
        if text.starts_with("```") {
            is_console = !is_fenced && text == "```console";
            is_fenced = !is_fenced;
            assert!(!is_continued, "a command ends with a \\, and its block with it");
        } else if is_console {
            if is_continued {
                let command = commands.last_mut().expect("there is one that continues");
                write!(command.line, "\n{text}").expect("a string takes text");
                command.place = position..position;
                is_continued = text.ends_with('\\');
            } else if let Some(typed) = text.strip_prefix("$ ") {
                commands.push(Command {
                    line: typed.to_owned(),
                    output: String::new(),
                    place: position..position,
                });
                is_continued = typed.ends_with('\\');
            } else {
                let owner = commands.last_mut().filter(|command| command.place.end == start);
                let command = owner.unwrap_or_else(|| panic!("no command prints {text:?}"));
                command.output += line;
                command.place.end = position;
            }
        }
    }
    commands
}

/// Runs the commands of a page in their order; those that only look, several times if need be. Panics with the differences between what
/// they print and what the page says, or (`SNAPSHOTS=overwrite`) rewrites the page.
pub async fn check(page: &Path, run: impl AsyncFnMut(&Command) -> String) {
    check_part(page, |text| 0..text.len(), run).await;
}

/// The same for the part of a page below a heading, as in `section`.
pub async fn check_section(page: &Path, heading: &str, run: impl AsyncFnMut(&Command) -> String) {
    check_part(page, |text| section(text, heading), run).await;
}

async fn check_part(page: &Path, part: impl Fn(&str) -> Range<usize>, mut run: impl AsyncFnMut(&Command) -> String) {
    let read =
        || std::fs::read_to_string(page).unwrap_or_else(|error| panic!("cannot read {}: {error}", page.display()));
    let text = read();
    let text = &text[part(&text)];
    let commands = commands(text);
    assert!(!commands.is_empty(), "{} shows no commands", page.display());
    let mut printed = Vec::new();
    for command in &commands {
        printed.push(look(command, &mut run).await);
    }
    let Comparison { differences, rewritten } = compare(text, &commands, &printed);
    if differences.is_empty() {
        return;
    }
    if is_rewriting() {
        let mut whole = read();
        let part = part(&whole);
        whole.replace_range(part, &rewritten);
        std::fs::write(page, whole).expect("a page can be rewritten");
    } else {
        panic!(
            "{} does not show what its commands print (rewrite it with {DEFAULT_ACTION_ENV}=overwrite):{differences}",
            page.display()
        );
    }
}

/// What a command prints. One that only looks is typed again while it shows something else than the page: totals follow what they count.
async fn look(command: &Command, run: &mut impl AsyncFnMut(&Command) -> String) -> String {
    // What is to be rewritten may differ for ever.
    let patience = if is_rewriting() { PATIENCE / 5 } else { PATIENCE };
    let deadline = Instant::now() + patience;
    loop {
        let printed = run(command).await;
        let is_done = difference(&command.output, &tidy(&printed)).is_none() || Instant::now() > deadline;
        if is_done || !only_looks(&command.line) {
            return printed;
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// Whether a command is kubectl's, of a kind that changes nothing.
fn only_looks(line: &str) -> bool {
    let words: Vec<_> = line.split_whitespace().take(4).collect();
    let ["kubectl", arguments @ ..] = words.as_slice() else {
        return false;
    };
    let verb = match arguments {
        ["-n" | "--namespace", _, verb, ..] | [verb, ..] => *verb,
        [] => "",
    };
    ["get", "describe", "events"].contains(&verb)
}

/// Where in a page the lines below a heading (`## Install`) are, up to the next one of its level or above.
pub fn section(page: &str, heading: &str) -> Range<usize> {
    let level = |line: &str| line.bytes().take_while(|byte| *byte == b'#').count();
    let (mut start, mut position, mut is_fenced) = (None, 0, false);
    for line in page.split_inclusive('\n') {
        is_fenced ^= line.starts_with("```");
        let is_heading = !is_fenced && line.starts_with('#');
        match start {
            None if is_heading && line.trim_end() == heading => start = Some(position + line.len()),
            Some(start) if is_heading && level(line) <= level(heading) => return start..position,
            _ => {}
        }
        position += line.len();
    }
    let start = start.unwrap_or_else(|| panic!("the page has no heading {heading:?}"));
    start..position
}

/// Whether pages that differ are rewritten.
pub fn is_rewriting() -> bool {
    matches!(Action::with_env_var(DEFAULT_ACTION_ENV), Some(Action::Overwrite))
}

/// A page beside what its commands printed.
struct Comparison {
    /// Command and diff of each that differs; empty: none does.
    differences: String,
    /// The page, with what was printed where it differs.
    rewritten: String,
}

fn compare(page: &str, commands: &[Command], printed: &[String]) -> Comparison {
    let (mut differences, mut rewritten, mut end) = (String::new(), String::new(), 0);
    for (command, printed) in commands.iter().zip(printed) {
        let printed = tidy(printed);
        rewritten += &page[end..command.place.start];
        end = command.place.end;
        match difference(&command.output, &printed) {
            None => rewritten += &command.output,
            Some(difference) => {
                write!(differences, "\n$ {}\n{difference}", command.line).expect("a string takes text");
                rewritten += &printed;
            }
        }
    }
    rewritten += &page[end..];
    Comparison { differences, rewritten }
}

/// What a page says and what was printed, as a diff; `None`: they say the same.
pub fn difference(expected: &str, printed: &str) -> Option<String> {
    let [expected, printed] = [expected, printed].map(|text| Data::text(comparable(text)));
    let assert = Assert::new().action(Action::Verify).normalize_paths(false);
    let outcome = assert.try_eq(Some(&"printed"), printed, expected);
    outcome.err().map(|error| error.to_string())
}

/// Without what can't be the same twice, and without how wide that makes the columns of a table.
fn comparable(text: &str) -> String {
    static REDACTIONS: LazyLock<Redactions> = LazyLock::new(|| {
        let mut redactions = Redactions::new();
        for (placeholder, pattern) in REDACTED {
            let pattern = Regex::new(pattern).expect("a redaction is a regular expression");
            redactions
                .insert(placeholder, pattern)
                .expect("a placeholder is in brackets");
        }
        redactions
    });
    static COLUMNS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(\S) {2,}").expect("a regular expression"));
    let redacted = REDACTIONS.redact(&tidy(text));
    COLUMNS.replace_all(&redacted, "$1  ").into_owned()
}

/// With a line break at its end, and no blanks before one: editors take those away.
fn tidy(printed: &str) -> String {
    printed
        .lines()
        .fold(String::new(), |text, line| text + line.trim_end() + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A page\n\n```yaml\n$ no: command\n```\n\n```console\n$ make\n$ kubectl get pods \\\n    --watch\nNAME  AGE\na     1s\n\nlast\n```\ntext\n```console\n$ true\n```\n";

    #[test]
    fn a_page_is_read() {
        let read: Vec<_> = commands(PAGE)
            .into_iter()
            .map(|command| (command.line, command.output))
            .collect();
        let expected = [
            ("make", ""),
            ("kubectl get pods \\\n    --watch", "NAME  AGE\na     1s\n\nlast\n"),
            ("true", ""),
        ];
        assert_eq!(
            read,
            expected.map(|(line, output)| (line.to_owned(), output.to_owned()))
        );
    }

    #[test]
    fn a_section_ends_where_another_begins() {
        let page = "# A\n## B\none\n```yaml\n# no heading\n```\n### C\ntwo\n## D\nthree\n";
        let section = |heading: &str| &page[section(page, heading)];
        assert_eq!(section("## B"), "one\n```yaml\n# no heading\n```\n### C\ntwo\n");
        assert_eq!(section("### C"), "two\n");
        assert_eq!(section("## D"), "three\n");
    }

    #[test]
    #[should_panic(expected = "no command prints \"stray\"")]
    fn output_without_a_command_is_refused() {
        commands("```console\n$ true\n```\n```console\nstray\n```\n");
    }

    #[test]
    fn only_what_is_unstable_may_differ() {
        let same = [
            ("NAME   AGE\na      5s\n", "NAME   AGE\na      2m13s\n"),
            (
                "hq-0a8e4e0e-0c25-4d4e-9d6a-0d8b2f3f9a55   anna\n",
                "hq-1a8e4e0e-0c25-4d4e-9d6a-0d8b2f3f9a55   anna\n",
            ),
            (
                "LAST SEEN   TYPE\n9s          Normal\n",
                "LAST SEEN              TYPE\n9s (x2 over 10s)       Normal\n",
            ),
            ("since 2026-11-23T03:04:05Z\n", "since 2026-01-01T00:00:00Z\n"),
            ("localhost:636: refused\n", "localhost:4711: refused\n"),
            ("first\n...\nlast\n", "first\nsecond\nthird\nlast\n"),
            ("it took [..] seconds\n", "it took 5 seconds\n"),
            ("no line break at the end\n", "no line break at the end"),
            ("", ""),
        ];
        for (expected, printed) in same {
            assert_eq!(difference(expected, printed), None, "{expected}");
        }
        let other = [
            ("412 matched\n", "413 matched\n"),
            ("NAME   AGE\na      5s\n", "NAME   AGE\nb      5s\n"),
            ("one\n", "one\ntwo\n"),
            ("one\ntwo\n", "one\n"),
            ("", "something\n"),
            ("True   message of 5s\n", "True   message of 6s\n"),
        ];
        for (expected, printed) in other {
            assert!(difference(expected, printed).is_some(), "{expected}");
        }
    }

    #[test]
    fn only_a_command_that_changes_nothing_is_typed_again() {
        let looks = [
            "kubectl get pods",
            "kubectl -n phones describe scope staff",
            "kubectl --namespace phones get phoneusers | head -4",
            "kubectl -n phones events",
        ];
        let changes = [
            "kubectl -n phones apply -k .",
            "kubectl delete namespace get",
            "helm get x",
            "kubectl",
            "",
        ];
        assert!(looks.into_iter().all(only_looks));
        assert!(!changes.into_iter().any(only_looks));
    }

    #[tokio::test]
    async fn what_is_not_yet_shown_is_looked_for_again() {
        for (line, typed) in [("kubectl get pods", 2), ("kubectl apply -k .", 1)] {
            let command = Command {
                line: line.to_owned(),
                output: "2\n".to_owned(),
                place: 0..0,
            };
            let mut times = 0;
            let mut run = async |_: &Command| {
                times += 1;
                format!("{times}\n")
            };
            let printed = look(&command, &mut run).await;
            assert_eq!((printed, times), (format!("{typed}\n"), typed), "{line}");
        }
    }

    #[test]
    fn a_page_that_says_otherwise_is_told_and_rewritten() {
        let compare = |printed: &str| compare(PAGE, &commands(PAGE), &["", printed, ""].map(str::to_owned));
        let same = compare("NAME  AGE\na     3h\n\nlast");
        assert_eq!((same.differences.as_str(), same.rewritten.as_str()), ("", PAGE));

        let other = compare("NAME  AGE\nb     3h\n\nlast");
        assert!(
            other.differences.contains("$ kubectl get pods"),
            "{}",
            other.differences
        );
        assert_eq!(other.rewritten, PAGE.replace("a     1s", "b     3h"));
    }
}
